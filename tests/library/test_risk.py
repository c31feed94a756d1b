"""The review queue: what makes a caption risky, in English and Chinese, and that the sure faults come first."""

from __future__ import annotations

import pytest

from mqwen.library.risk import assess, hedging_words, repeats

SURE = "A red car is parked in front of a house."


def test_a_sure_whole_caption_has_no_reason_and_the_least_risk():
    risk = assess([SURE], -0.05, "stop")
    assert risk.reasons == ()
    assert risk.score < 0.05


@pytest.mark.parametrize(
    ("texts", "logprob", "finish", "reason"),
    [
        ([SURE], -0.05, "length", "cut off"),
        ([SURE], -1.5, "stop", "unsure"),
        (["This is possibly a dog."], -0.05, "stop", "hedging"),
        (["图中可能是一只狗。"], -0.05, "stop", "hedging"),
        (["A dog and a dog and a dog and a dog."], -0.05, "stop", "repetition"),
        (["一只狗和一只狗和一只狗和"], -0.05, "stop", "repetition"),
        (["", " "], -0.05, "stop", "no text"),
        ([SURE, "tree, tree, sky, tree"], -0.05, "stop", "repetition"),
    ],
)
def test_each_fault_is_named_and_raises_the_risk(texts, logprob, finish, reason):
    risk = assess(texts, logprob, finish)
    assert risk.reasons == (reason,)
    assert risk.score > assess([SURE], -0.05, "stop").score + 0.2


def test_sure_faults_come_before_doubts_and_several_add_up():
    cut = assess([SURE], -0.1, "length").score
    circles = assess(["A cat. A cat on a mat. A cat on a mat."], -0.1, "stop").score
    unsure = assess([SURE], -1.0, "stop").score
    hedging = assess(["Maybe a cat."], -0.1, "stop").score
    assert cut > circles > unsure > hedging
    both = assess(["Perhaps a cat."], -0.1, "length")
    assert both.score > cut
    assert both.reasons == ("cut off", "hedging")


def test_less_sure_is_always_riskier_and_unknown_is_near_the_sure_end():
    scores = [assess([SURE], logprob, "stop").score for logprob in (-0.01, -0.3, -0.69, -0.8, -2.0, -50.0)]
    assert scores == sorted(scores)
    assert assess([SURE], -0.01, "stop").score < assess([SURE], None, None).score < assess([SURE], -2.0, "stop").score


@pytest.mark.parametrize(
    "text",
    [
        "A man may hold a cup.",  # a month, a permission: too common alone
        "She can see the sea.",
        "It was taken in May.",
        "A likeness of a king.",
        "两个人在看书",
        "A bookshelf, a lamp and a seemly chair.",
    ],
)
def test_usual_words_are_no_hedges(text):
    assert hedging_words(text) == []


def test_hedges_are_found_whatever_their_case_and_in_both_languages():
    assert hedging_words("It APPEARS TO be some kind of bird") == ["APPEARS TO", "some kind of"]
    assert hedging_words("看起来像一只猫，也许是狗") == ["看起来", "也许"]


@pytest.mark.parametrize(
    "text",
    [
        SURE,
        "A cat on a mat and a dog on a log.",
        "He looks very, very happy.",
        "人人都在笑",
        "red, blue, red",
        "On the left a house. On the right a tree.",
        "",
    ],
)
def test_usual_texts_do_not_repeat(text):
    assert not repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "The sky is blue. The sky is blue.",
        "a house with a house with a house with",
        "cat cat cat",
        "dog, cat, dog, bird, Dog",
        "天空很蓝。天空很蓝。",
        "红红红",
    ],
)
def test_circles_are_seen(text):
    assert repeats(text)
