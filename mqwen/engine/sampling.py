"""How the next token is chosen, row by row: no row's choice depends on its neighbours.

The order of what bends the scores is transformers': repetition penalty, repeated n-grams, temperature, top-k, top-p,
min-p. All from temperature on looks at the k best tokens only: sorting a vocabulary of 150,000 costs more than a small
model's step, and what lies beyond is noise.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mqwen.errors import InputError

if TYPE_CHECKING:
    from mqwen.model.processor import MQwenProcessor

MAX_NEW_TOKENS = 256
_TOP_K = 50
_MOST_K = 1000
# Letters of scripts that set no spaces between words: kana, CJK ideographs, Hangul, Thai, Lao, Khmer.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen and how many.

    Attributes:
        max_new_tokens: an answer's longest length, tokens.
        temperature: 0 is greedy.
        top_k: sampling looks at so many best tokens.
        top_p: of those, at the best that make up so much probability.
        min_p: and at none less probable than this share of the best one's probability.
        repetition_penalty: scores of tokens that stand in the prompt or the answer are divided (multiplied, if
            negative) by it.
        no_repeat_ngram_size: no so many tokens in a row occur twice in prompt and answer; 0: they may.
        forbidden: words that no answer contains as whole words, whatever their case; in scripts without spaces, at all.
        begin_with: how every answer begins.
        required: words that an answer shall contain; see mqwen.engine.wording.
        seed: of the random numbers; None: another one each time.
    """

    max_new_tokens: int = MAX_NEW_TOKENS
    temperature: float = 0.0
    top_k: int = _TOP_K
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    forbidden: tuple[str, ...] = ()
    begin_with: str = ""
    required: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise InputError("max_new_tokens must be at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.repetition_penalty <= 0:
            raise InputError("temperature must be 0 or more, top_p above 0 and at most 1, repetition_penalty above 0")
        if not 1 <= self.top_k <= _MOST_K or not 0 <= self.min_p < 1 or self.no_repeat_ngram_size < 0:
            raise InputError(
                f"top_k must be 1 to {_MOST_K}, min_p 0 or more and below 1, no_repeat_ngram_size 0 or more"
            )
        for name in ("forbidden", "required"):
            words = getattr(self, name)
            if isinstance(words, str) or not all(isinstance(word, str) and word.strip() for word in words):
                raise InputError(f"{name} must be a list of words")
            object.__setattr__(self, name, tuple(word.strip() for word in words))


@dataclass
class Speech:
    """One answer as it grows, and what choosing its next token needs to know.

    Attributes:
        prompt: the prompt's ids, each image's marker once per image token.
        begun: ids that the answer begins with and that nobody chose; they stand in the prompt too.
        tokens: the ids chosen so far.
        logprobs: of each, its natural log-probability before anything bent the scores.
        watched: of each step, the log-probabilities of the watched ids, if there are any.
    """

    prompt: list[int]
    begun: list[int]
    seed: int
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = torch.Generator().manual_seed(self.seed)
        self._said = dict.fromkeys(self.prompt)
        self._followers: dict[tuple[int, ...], set[int]] | None = None
        self._last: tuple[int, ...] = ()

    def noise(self, count: int) -> Tensor:
        """Gumbel noise of this speech's own stream, [count]."""
        uniform = torch.rand(count, generator=self._random)
        # rand() gives 0 too, whose double logarithm is infinite
        return -uniform.clamp_min(torch.finfo(torch.float32).tiny).log().neg().log()

    def said(self) -> list[int]:
        """Return each id of prompt and answer once."""
        return list(self._said)

    def followers(self, size: int) -> set[int]:
        """Return what would end a run of `size` ids that has occurred before."""
        if self._followers is None:
            self._followers = {}
            for token in self.prompt:
                self._note(token, size)
        return self._followers.get(self._last, set()) if len(self._last) == size - 1 else set()

    def add(self, token: int, logprob: float, watched: list[float], ngram: int) -> None:
        """Append the token that was chosen."""
        self.tokens.append(token)
        self.logprobs.append(logprob)
        if watched:
            self.watched.append(watched)
        self._said[token] = None
        if ngram:
            self.followers(ngram)
            self._note(token, ngram)

    def _note(self, token: int, size: int) -> None:
        assert self._followers is not None
        if len(self._last) == size - 1:
            self._followers.setdefault(self._last, set()).add(token)
        self._last = (*self._last, token)[1 - size :] if size > 1 else ()


class Chooser:
    """Chooses tokens as a Sampling says; `watch` are ids whose log-probability every step records."""

    def __init__(self, sampling: Sampling, processor: MQwenProcessor, watch: Sequence[int] = ()) -> None:
        self.sampling = sampling
        self.seed = secrets.randbits(63) if sampling.seed is None else sampling.seed
        self._processor = processor
        self._forbidden = forbidden_pattern(sampling.forbidden)
        self._watch = list(watch)

    def choose(self, logits: Tensor, speeches: Sequence[Speech]) -> list[int]:
        """Choose the next token of each speech, add it there, and return them.

        Args:
            logits: [len(speeches) or more, vocabulary], float32.
        """
        sampling = self.sampling
        logits = logits[: len(speeches)]
        total = logits.logsumexp(dim=-1)
        scores = logits
        if sampling.repetition_penalty != 1:
            scores = _penalised(scores, speeches, sampling.repetition_penalty)
        if sampling.no_repeat_ngram_size:
            scores = _without_followers(scores, speeches, sampling.no_repeat_ngram_size)
        if sampling.temperature == 0 and self._forbidden is None:
            chosen = scores.argmax(dim=-1)
        else:
            chosen = self._among_the_best(scores, speeches)
        logprobs = logits.gather(1, chosen[:, None])[:, 0] - total
        told = [chosen.double()[:, None], logprobs.double()[:, None]]
        if self._watch:
            told.append((logits[:, self._watch] - total[:, None]).double())
        rows = torch.cat(told, dim=1).tolist()  # one wait for the device
        for speech, (token, logprob, *watched) in zip(speeches, rows, strict=True):
            speech.add(int(token), logprob, watched, sampling.no_repeat_ngram_size)
        return [int(row[0]) for row in rows]

    def _among_the_best(self, scores: Tensor, speeches: Sequence[Speech]) -> Tensor:
        """The Gumbel-max trick: the largest of scores / temperature + Gumbel noise is a draw from their softmax."""
        sampling = self.sampling
        best, tokens = scores.topk(min(sampling.top_k, scores.shape[-1]))
        if sampling.temperature > 0:
            noise = torch.stack([speech.noise(best.shape[-1]) for speech in speeches]).to(best.device)
            best = nucleus(best / sampling.temperature, sampling.top_p, sampling.min_p) + noise
        if self._forbidden is None:
            return tokens.gather(1, best.argmax(dim=-1, keepdim=True))[:, 0]
        order = tokens.gather(1, best.argsort(dim=-1, descending=True, stable=True)).tolist()
        reachable = best.isfinite().sum(dim=-1).tolist()
        chosen = [
            self._first_allowed(row[: max(1, count)], speech)
            for row, count, speech in zip(order, reachable, speeches, strict=True)
        ]
        return torch.tensor(chosen, device=scores.device)

    def _first_allowed(self, candidates: list[int], speech: Speech) -> int:
        assert self._forbidden is not None
        text = self._processor.tokenizer.decode
        so_far = [*speech.begun, *speech.tokens]
        # A word that stands there already was the caller's; half a character at the end may become a whole one.
        begin = len(text(so_far).casefold().rstrip("\ufffd"))
        for token in candidates:
            if token in self._processor.stop_ids:
                return token
            words = self._forbidden.finditer(text([*so_far, token]).casefold())
            if all(word.end() <= begin for word in words):
                return token
        return self._processor.stop_ids[0]  # all that the model had to say is forbidden


def nucleus(scores: Tensor, top_p: float, min_p: float) -> Tensor:
    """Return scores [rows, k], descending, with -inf at those that top-p and min-p leave out; the best one stays."""
    probabilities = scores.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    out = (before >= top_p) | (probabilities < min_p * probabilities[:, :1])
    return scores.masked_fill(out, -torch.inf)


def forbidden_pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds any of the words in a casefolded text; None without words."""
    return re.compile("|".join(word_pattern(word) for word in words)) if words else None


def word_pattern(word: str) -> str:
    """Return a pattern for a word in a casefolded text: whole, or, in scripts without spaces, anywhere."""
    folded = re.escape(word.casefold())
    return folded if is_unspaced(word) else rf"(?<!\w){folded}(?!\w)"


def is_unspaced(word: str) -> bool:
    """Say whether a word is of a script that sets no spaces between words."""
    return _UNSPACED.search(word) is not None


def _penalised(scores: Tensor, speeches: Sequence[Speech], penalty: float) -> Tensor:
    said = [speech.said() for speech in speeches]
    width = max(map(len, said))
    index = torch.tensor([ids + ids[:1] * (width - len(ids)) for ids in said], device=scores.device)
    picked = scores.gather(1, index)
    return scores.scatter(1, index, torch.where(picked < 0, picked * penalty, picked / penalty))


def _without_followers(scores: Tensor, speeches: Sequence[Speech], size: int) -> Tensor:
    banned = [(row, token) for row, speech in enumerate(speeches) for token in speech.followers(size)]
    if not banned:
        return scores
    rows, tokens = torch.tensor(banned, device=scores.device).unbind(1)
    return scores.index_put((rows, tokens), torch.tensor(-torch.inf, device=scores.device))
