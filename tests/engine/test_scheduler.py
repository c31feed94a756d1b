"""Continuous batching gives each request what generate() gives it alone, bit for bit, whatever is around it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from mqwen.engine.cache import SlotCache
from mqwen.engine.decoder import Decoder, StepInput
from mqwen.engine.patience import WAITS_S
from mqwen.engine.request import requests_of
from mqwen.engine.scheduler import Allowance
from mqwen.errors import Cancelled, DeviceError
from mqwen.model import load_checkpoint
from tests.engine.plain import Clock, look, request, run, scheduler
from tests.model.golden import IMAGE_TOKENS, MARKER, Golden, seed_model
from tests.model.test_qwen1 import long_model
from tests.tiny import MARKER as TINY_MARKER
from tests.tiny import tiny_llava

NEW = 12
GENERATION_CASES = ("gen_greedy", "gen_rep_penalty", "gen_early_eos", "gen_text_only", "gen_marker_last")


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden()


def ragged(seed: int, count: int, *, marker: int, vocabulary: int, longest: int = 40) -> list[list[int]]:
    """Random prompts of 1 to `longest` ids and one marker somewhere in them, now and then behind a common beginning."""
    rng = random.Random(seed)
    system = [rng.randrange(vocabulary) for _ in range(7)]
    prompts = []
    for number in range(count):
        ids = [rng.randrange(vocabulary) for _ in range(rng.randint(1, longest))]
        at = rng.randint(0, len(ids))
        prompts.append((system if number % 2 else []) + ids[:at] + [marker] + ids[at:])
    return prompts


@pytest.mark.parametrize("case", GENERATION_CASES)
@pytest.mark.parametrize("slots", [1, 3])
def test_the_originals_greedy_tokens(golden: Golden, case: str, slots: int) -> None:
    facts: dict[str, Any] = golden.cases[case]
    stop = facts["overrides"].get("eos_token_id", 300)
    penalty = facts["overrides"].get("repetition_penalty", 1.0)
    made = scheduler(seed_model(), slots, [stop], max_new_tokens=24, repetition_penalty=penalty)
    asked = [request(facts["input_ids"], golden.pixel_values(case)) for _ in range(4)]
    expected = facts["generated_full"]
    expected = expected[: expected.index(stop)] if stop in expected else expected
    assert [ids for ids, _ in run(made, asked)] == [expected] * 4


def same_as_generate(model: Any, prompts: list[list[int]], pixels: list[Any], **options: Any) -> None:
    """Alone, in batches of several sizes and in any order: always generate()'s tokens and the same log-probability."""
    expected = [
        model.generate(torch.tensor([ids]), image, do_sample=False, max_new_tokens=NEW, eos_token_id=None, **options)[
            0
        ].tolist()
        for ids, image in zip(prompts, pixels, strict=True)
    ]
    assert len({tuple(ids) for ids in expected}) > len(prompts) // 2, "answers that differ are what this is about"
    alone: list[tuple[list[int], float]] = []
    for ids, image in zip(prompts, pixels, strict=True):
        alone += run(scheduler(model, 1, max_new_tokens=NEW, **options), [request(ids, image)])
    assert [ids for ids, _ in alone] == expected
    order = list(range(len(prompts)))
    for slots, seed in ((2, 0), (5, 1)):
        random.Random(seed).shuffle(order)
        asked = [request(prompts[number], pixels[number]) for number in order]
        found = run(scheduler(model, slots, max_new_tokens=NEW, **options), asked)
        assert found == [alone[number] for number in order], slots


@pytest.mark.parametrize("vision", ["clip", "siglip", "chinese_clip"])
@pytest.mark.parametrize("text", ["qwen2", "qwen3"])
def test_random_checkpoints(tmp_path: Path, vision: Any, text: Any) -> None:
    model = load_checkpoint(tiny_llava(tmp_path / "model", vision, text)).eval()
    prompts = ragged(1, 8, marker=TINY_MARKER, vocabulary=256)
    pixels = list(torch.randn(8, 1, 3, 56, 56, generator=torch.Generator().manual_seed(2)))
    same_as_generate(model, prompts, pixels)


def test_heads_that_are_not_shared_and_a_tied_head(tmp_path: Path) -> None:
    options = {"num_key_value_heads": 4}
    model = load_checkpoint(tiny_llava(tmp_path / "model", tied=True, text_options=options)).eval()
    pixels = list(torch.randn(6, 1, 3, 56, 56, generator=torch.Generator().manual_seed(2)))
    same_as_generate(model, ragged(5, 6, marker=TINY_MARKER, vocabulary=256), pixels)


def test_a_sliding_window(tmp_path: Path) -> None:
    options = {"use_sliding_window": True, "sliding_window": 20, "max_window_layers": 1}
    model = load_checkpoint(tiny_llava(tmp_path / "model", text_options=options)).eval()
    assert [layer.self_attn.sliding_window for layer in model.language_model.layers] == [None, 20]
    pixels = list(torch.randn(6, 1, 3, 56, 56, generator=torch.Generator().manual_seed(2)))
    same_as_generate(model, ragged(5, 6, marker=TINY_MARKER, vocabulary=256), pixels)


@pytest.mark.parametrize(("ntk", "logn"), [(True, False), (False, True), (True, True)])
def test_qwen1_beyond_the_length_it_was_trained_on(golden: Golden, ntk: bool, logn: bool) -> None:
    """40 tokens here: prompts of 17 to 137, so that the factors 1, 3 and 7 share batches."""
    model = long_model(ntk=ntk, logn=logn)
    prompts = ragged(3, 7, marker=MARKER, vocabulary=299, longest=120)
    assert {len(ids) + IMAGE_TOKENS - 1 > 40 for ids in prompts} == {True, False}
    same_as_generate(model, prompts, [golden["pixel_values"][number % 2, None] for number in range(7)])


def test_what_bends_the_scores_bends_them_as_in_generate(golden: Golden) -> None:
    model = seed_model()
    prompts = ragged(4, 4, marker=MARKER, vocabulary=299)
    pixels = [golden["pixel_values"][number % 2, None] for number in range(4)]
    same_as_generate(model, prompts, pixels, repetition_penalty=1.3)
    same_as_generate(model, prompts, pixels, no_repeat_ngram_size=2)
    same_as_generate(model, prompts, pixels, no_repeat_ngram_size=1, repetition_penalty=0.8)


def test_two_images_none_and_a_prompt_longer_than_a_step(golden: Golden) -> None:
    model = seed_model()
    ids = torch.randint(0, 299, (600,), generator=torch.Generator().manual_seed(0)).tolist()
    prompts = [[1, MARKER, 2, MARKER, 3], [4, 5, 6], [*ids, MARKER], [MARKER, *ids[:300]]]
    pixels = [golden["pixel_values"], None, golden["pixel_values"][:1], golden["pixel_values"][1:]]
    same_as_generate(model, prompts, pixels)


def test_a_prompt_whose_markers_have_no_image_fails_alone(golden: Golden) -> None:
    made = scheduler(seed_model(), 2, max_new_tokens=3)
    good, bad = request([1, 2, 3]), request([1, MARKER])
    made.add([bad, good])
    answers = [answer for _ in range(9) for answer in made.step()]
    assert {(answer.kind, answer.request) for answer in answers} == {("error", bad), ("caption", good)}
    assert "1 image marker" in str(next(answer.error for answer in answers if answer.error))


class Watched(Decoder):
    """Counts what it computes."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.shapes: list[Any] = []
        self.images = self.read = 0

    def step(self, cache: Any, given: StepInput, between: Any = None) -> torch.Tensor:
        self.shapes.append(given.shape)
        self.read += given.shape.pieces * given.shape.width
        return super().step(cache, given, between)

    def look(self, pixel_values: torch.Tensor, between: Any = None) -> torch.Tensor:
        self.images += len(pixel_values)
        return super().look(pixel_values, between)


def test_what_stands_before_the_image_is_read_once(golden: Golden) -> None:
    decoder = Watched(seed_model())
    system = list(range(40))
    for _ in range(2):  # what the first run has read, the second one has
        asked = [request([*system, MARKER, number], golden["pixel_values"][:1]) for number in range(10)]
        run(scheduler(None, 3, decoder=decoder, max_new_tokens=2), asked)
    assert decoder.read == 40 + 20 * (IMAGE_TOKENS + 4)


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
@pytest.mark.parametrize("ntk", [False, True])
def test_several_questions_share_one_look_and_answer_as_they_do_alone(golden: Golden, slots: int, ntk: bool) -> None:
    model = long_model(ntk=ntk, logn=ntk)
    beginning = list(range(16))
    endings = [[100, 101, 102], [100, 7], [60, 61, 62, 63, 64]]
    if ntk:
        endings[1] = list(range(100, 150))  # so long that it is read with other frequencies
    prompts = [[*beginning, MARKER, 30, *ending] for ending in endings]
    images = [golden["pixel_values"][number % 2, None] for number in range(5)]
    alone = [
        run(scheduler(model, 1, max_new_tokens=NEW), [request(prompt, image)])[0]
        for image in images[:2]
        for prompt in prompts
    ]
    decoder = Watched(model)
    made = scheduler(None, slots, decoder=decoder, max_new_tokens=NEW)
    looks = [look(image) for image in images]
    for one in looks:
        made.add(requests_of(one, prompts, [False] * 3))
    found = {}
    while made.busy:
        for answer in made.step():
            assert answer.caption is not None
            words = [int(word) for word in answer.caption.text.split()]
            found[looks.index(answer.request.look), answer.request.question] = words, answer.caption.logprob
    assert [found[number, question] for number in range(5) for question in range(3)] == (alone * 3)[:15]
    assert decoder.images == 5
    assert all(one.features is None and not one.pixel_values for one in looks), "pictures are kept after their answers"
    # The beginning once, the image and the first ending, then the other endings, all in multiples of 4.
    once, again, long = 16 + 5 * (IMAGE_TOKENS + 4), 5 * 8, 5 * 4
    more = 16 + 5 * (IMAGE_TOKENS + 52) if ntk else long
    if ntk and slots == 1:  # the long one has overwritten what the third could have shared
        more += 5 * IMAGE_TOKENS
    assert 0 <= decoder.read - (once + again + more) <= 16  # beside a longer one, a piece is filled up to its width


def test_steps_carry_prompts_and_answers_together_and_slots_are_refilled_at_once(golden: Golden) -> None:
    decoder = Watched(seed_model())
    # Of lengths so different that their prompts are not read side by side.
    asked = [request([1, 2, MARKER, *range(3, 4 + 40 * (n % 4))], golden["pixel_values"][:1]) for n in range(40)]
    run(scheduler(None, 4, decoder=decoder, max_new_tokens=8), asked)
    assert sum(shape.rows > 0 and shape.pieces > 0 for shape in decoder.shapes) > 20
    # 40 answers of 8 tokens, 4 at a time: nobody waits for the slowest, who is read in two steps.
    assert len(decoder.shapes) <= 40 / 4 * 8 * 1.3


def test_at_the_end_the_steps_get_smaller(golden: Golden) -> None:
    decoder = Watched(seed_model())
    ids = {number: [number, MARKER] for number in range(16)}
    made = scheduler(None, 16, [], decoder=decoder, max_new_tokens=40)
    made.add([request(ids[number], golden["pixel_values"][:1]) for number in range(16)])
    while made.busy:
        for row in list(made._slots.rows.values()):  # those with a low slot leave early
            if row.slot < 13 and len(row.speech.tokens) == 5 and row.request.ticket is None:
                row.request.ticket = "short"
                row.speech.tokens.extend([0] * 34)
        made.step()
    assert decoder.shapes[-1].rows == 4


@pytest.mark.parametrize(("pictures", "temperature"), [(500, 0.0), (100, 1.0)])
def test_memory_that_runs_out_anywhere_loses_no_caption(golden: Golden, pictures: int, temperature: float) -> None:
    """A step, the tower or the cache fails now and then, at random: all captions as undisturbed."""
    model, rng = seed_model(), random.Random(pictures)
    prompts = ragged(0, 25, marker=MARKER, vocabulary=299, longest=12)
    pixels = torch.randn(20, 3, 56, 56, generator=torch.Generator().manual_seed(0))

    def asked(count: int) -> list[Any]:
        return [request(prompts[n % 25], pixels[n % 20, None]) for n in range(count)]

    options: dict[str, Any] = {"max_new_tokens": 6, "temperature": temperature, "seed": 5}
    expected = run(scheduler(model, 8, **options), asked(100))  # after 100 they repeat

    class Failing(Watched):
        failures = 0

        def fail(self, share: float) -> None:
            if rng.random() < share:
                self.failures += 1
                raise rng.choice([MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])

        def new_cache(self, *arguments: Any) -> Any:
            self.fail(0.05)
            return super().new_cache(*arguments)

        def step(self, cache: Any, given: StepInput, between: Any = None) -> torch.Tensor:
            return super().step(cache, given, lambda: self.fail(0.003))

        def look(self, pixel_values: torch.Tensor, between: Any = None) -> torch.Tensor:
            self.fail(0.005)
            return super().look(pixel_values, between)

    decoder, allowance = Failing(model), Allowance()
    found = run(scheduler(None, 8, decoder=decoder, allowance=allowance, **options), asked(pictures))
    assert found == expected * (pictures // 100)
    assert decoder.failures > 3
    sizes = [shape.rows for shape in decoder.shapes]
    small = sizes.index(4, sizes.index(8))
    assert 8 in sizes[small:], "the slots did not grow again"


def test_the_allowance_shrinks_at_once_and_grows_ever_more_carefully() -> None:
    allowance = Allowance()
    assert allowance.of(16) == 16
    allowance.shrink(16)
    assert allowance.of(16) == 8
    waits = []
    for _ in range(3):
        count = 0
        while allowance.of(16) == 8:
            allowance.count(1)
            count += 1
        waits.append(count)
        allowance.shrink(16)
    assert waits == sorted(set(waits)), waits
    for _ in range(9):
        allowance.shrink(1)
    assert allowance.of(16) == 1


def test_the_allowance_restores_images_with_slots() -> None:
    allowance = Allowance()
    allowance.shrink(16, images=16)
    allowance.shrink(8, images=8)
    assert (allowance.of(16), allowance.images_of(16)) == (4, 4)
    allowance.shrink(8)  # slots that did not come back: nothing against the images
    assert (allowance.of(16), allowance.images_of(16)) == (4, 4)
    while allowance.of(16) < 16:
        allowance.count(1)
    assert allowance.images_of(16) == 16


def test_failures_at_one_slot_do_not_put_off_growth() -> None:
    once, often = Allowance(1), Allowance(1)
    once.shrink(1)
    for _ in range(9):
        often.shrink(1)
    assert once == often


@pytest.mark.parametrize("failing", range(2))
def test_slots_that_cannot_grow_leave_those_in_flight_alone(
    golden: Golden, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    model = seed_model()
    prompts = ragged(2, 12, marker=MARKER, vocabulary=299, longest=9)

    def asked() -> list[Any]:
        return [request(ids, golden["pixel_values"][number % 2, None]) for number, ids in enumerate(prompts)]

    expected = run(scheduler(model, 8, max_new_tokens=NEW), asked())
    allowance = Allowance(4)
    made = scheduler(model, 8, allowance=allowance, max_new_tokens=NEW)
    real, calls = SlotCache._empty, 0

    def fail(self: SlotCache, slots: int, length: int) -> torch.Tensor:
        nonlocal calls
        if slots == 8 and (calls := calls + 1) == failing + 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, slots, length)

    monkeypatch.setattr(SlotCache, "_empty", fail)
    made.add(requests := asked())
    found: dict[int, Any] = {}
    steps = 0
    while made.busy:
        if (steps := steps + 1) == 3:
            assert len(made._slots.rows) == 4
            allowance.most = 8
        for answer in made.step():
            assert answer.caption is not None
            found[requests.index(answer.request)] = (
                [int(w) for w in answer.caption.text.split()],
                answer.caption.logprob,
            )
        if steps == 3:
            assert len(made._slots.rows) == 4 and allowance.most == 4, "nobody has lost a slot"
    assert calls == failing + 1
    assert [found[number] for number in range(12)] == expected


def answers_of(made: Any) -> list[Any]:
    """All answers until it has nothing to do, with the waits that lie between."""
    found = []
    while made.busy:
        made.rest()
        found += made.step()
    return found


def three_questions(golden: Golden) -> list[Any]:
    return requests_of(look(golden["pixel_values"][:1]), [[1, MARKER, 2, number] for number in range(3)], [False] * 3)


@pytest.mark.parametrize("slots", [1, 2])
def test_finishing_answers_all_questions_about_a_picture_that_is_begun(golden: Golden, slots: int) -> None:
    open_ = True
    made = scheduler(seed_model(), slots, admitting=lambda: open_, max_new_tokens=NEW)
    first, second = three_questions(golden), three_questions(golden)
    made.add([*first, *second])
    made.step()
    open_ = False
    assert [answer.request for answer in answers_of(made) if answer.kind == "caption"] == first
    assert list(made.waiting) == second


def test_finishing_makes_what_memory_put_back_again(golden: Golden) -> None:
    open_, fails = True, False
    model = seed_model()

    class Failing(Decoder):
        def step(self, cache: Any, given: StepInput, between: Any = None) -> torch.Tensor:
            nonlocal fails
            if fails:
                fails = False
                raise MemoryError
            return super().step(cache, given, between)

    made = scheduler(None, 4, decoder=Failing(model), admitting=lambda: open_, max_new_tokens=NEW)
    asked = [request([number, MARKER], golden["pixel_values"][:1]) for number in range(9)]
    made.add(asked)
    for _ in range(3):
        made.step()
    open_, fails = False, True
    assert {answer.request.input_ids[0] for answer in answers_of(made) if answer.kind == "caption"} == set(range(4))
    assert not fails and len(made.waiting) == 5


def test_finishing_still_tries_for_a_required_word(golden: Golden) -> None:
    open_ = True
    made = scheduler(seed_model(), 1, admitting=lambda: open_, max_new_tokens=NEW, required=("777",))
    made.wording._words, made.wording.watch[:] = [[7]], [7]  # an id that stands for the word, and never spells it
    made._chooser._watch = [7]
    made.add([request([1, MARKER], golden["pixel_values"][:1]), request([2, MARKER], golden["pixel_values"][:1])])
    made.step()
    open_ = False
    (answer,) = answers_of(made)
    assert answer.kind == "caption" and answer.request.tries == 3, "it was given up before all places were tried"
    assert len(made.waiting) == 1


class Taken(Decoder):
    """Its memory is another program's until a time on a clock, and never enough for more than a window."""

    def __init__(self, model: Any, clock: Clock, until: float = 0, beyond: int = 10**9) -> None:
        super().__init__(model)
        self.clock, self.until, self.beyond = clock, until, beyond

    def step(self, cache: Any, given: StepInput, between: Any = None) -> torch.Tensor:
        if self.clock.now < self.until or given.shape.window > self.beyond:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().step(cache, given, between)


def test_memory_that_another_program_has_for_a_while_fails_no_picture(golden: Golden) -> None:
    model, clock = seed_model(), Clock()

    def asked() -> list[Any]:
        return [request([number, MARKER], golden["pixel_values"][:1]) for number in range(20)]

    made = scheduler(None, 4, decoder=Taken(model, clock, until=40), patience=clock.patience(), max_new_tokens=4)
    made.add(requests := asked())
    found = {requests.index(answer.request): answer for answer in answers_of(made)}
    expected = run(scheduler(model, 4, max_new_tokens=4), asked())
    assert [[int(word) for word in found[n].caption.text.split()] for n in range(20)] == [ids for ids, _ in expected]
    assert clock.now == pytest.approx(sum(WAITS_S)), "the others need not wait any more"


def test_a_picture_is_given_up_after_a_minute_with_all_that_is_asked_about_it(golden: Golden) -> None:
    clock = Clock()
    decoder = Taken(seed_model(), clock, until=50 + sum(WAITS_S))
    made = scheduler(None, 1, decoder=decoder, patience=clock.patience(), max_new_tokens=4)
    first, second = three_questions(golden), three_questions(golden)
    made.add([*first, *second])
    errors: list[Any] = []
    while not errors:
        made.rest()
        errors = made.step()
    assert 55 < clock.now < 65
    assert [(answer.kind, answer.request) for answer in errors] == [("error", one) for one in first]
    assert all(isinstance(answer.error, DeviceError) for answer in errors)
    assert first[0].look.pending == 0
    assert [(answer.kind, answer.request) for answer in answers_of(made)] == [("caption", one) for one in second]


def test_a_picture_that_is_longer_than_those_which_go_through_is_not_waited_for(golden: Golden) -> None:
    clock = Clock()
    decoder = Taken(seed_model(), clock, beyond=512)
    made = scheduler(None, 2, decoder=decoder, patience=clock.patience(), max_new_tokens=4)
    short = [request([number, MARKER], golden["pixel_values"][:1]) for number in range(4)]
    long = request([*range(250), *range(250), MARKER, *range(20)], golden["pixel_values"][:1])
    made.add([*short[:2], long, *short[2:]])
    found = {id(answer.request): answer.kind for answer in answers_of(made)}
    assert found == {id(one): "error" if one is long else "caption" for one in [*short, long]}
    assert clock.now == 0


def test_a_wait_for_memory_ends_with_the_run_and_is_not_made_for_nothing(golden: Golden) -> None:
    clock, open_, asked = Clock(), True, 0

    def between() -> None:
        nonlocal asked
        if clock.ticks:
            asked += 1
        if asked == 3:
            raise Cancelled("stopped")

    decoder = Taken(seed_model(), clock, until=1e9)
    made = scheduler(
        None, 1, decoder=decoder, patience=clock.patience(), between=between, admitting=lambda: open_, max_new_tokens=4
    )
    made.add([request([1, MARKER], golden["pixel_values"][:1])])
    made.step()
    with pytest.raises(Cancelled):
        made.rest()
    assert clock.ticks == 3 and clock.now == pytest.approx(0.15)
    made.waiting[0].look.entered = False
    open_ = False
    made.rest()
    assert clock.ticks == 3 and not made.busy
