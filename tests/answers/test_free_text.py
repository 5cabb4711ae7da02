"""Free text by a judge or by embeddings, red flags, and names of answer types."""

import asyncio
import math
from itertools import permutations

import pytest

from bestofinf.answers import (
    ANSWER_NAMES,
    Abstain,
    Answer,
    AutoAnswer,
    EmbeddingAnswer,
    FunctionAnswer,
    JsonAnswer,
    JudgeAnswer,
    RedFlags,
    TextAnswer,
    UniversalSelfConsistency,
    calibrate,
    resolve_answer,
)
from bestofinf.answers.judge import says_yes
from bestofinf.errors import UsageError
from bestofinf.records import Reply, Sample, Usage

ONE_CALL = Usage(input_tokens=10, output_tokens=1, calls=1)
TEXTS = ["It rains.", "Rain is falling.", "The sun shines.", "There is rain.", "It is sunny."]


class Weather:
    """A judge that knows rain from sun, and counts what it was asked."""

    def __init__(self):
        self.asked = []

    async def __call__(self, prompt):
        self.asked.append(prompt)
        first, second = prompt.split("-----\n")[1:3]
        return ("YES" if ("ain" in first) == ("ain" in second) else "NO"), ONE_CALL


def prepared(kind, values):
    async def run():
        spent = Usage()
        for place, value in enumerate(values):
            spent += await kind.prepare(value, values[:place])
        return spent

    return asyncio.run(run())


def classes(kind, values):
    return {frozenset(b for b in values if kind.same(a, b)) for a in values}


def test_the_judge_makes_classes_whatever_the_order_and_its_cost_is_booked():
    expected = {frozenset(TEXTS[i] for i in group) for group in ((0, 1, 3), (2, 4))}
    for order in permutations(TEXTS):
        judge = Weather()
        kind = JudgeAnswer(judge)
        spent = prepared(kind, list(order))
        assert classes(kind, order) == expected
        assert spent == Usage(10 * len(judge.asked), len(judge.asked), 0.0, len(judge.asked))
        # Two classes: each new text is compared once with each, not with every text before it.
        assert len(judge.asked) <= 2 * 2 * len(TEXTS)


def test_the_judge_is_not_asked_twice_nor_about_the_same_words():
    judge = Weather()
    kind = JudgeAnswer(judge)
    prepared(kind, TEXTS)
    asked = len(judge.asked)
    assert prepared(kind, TEXTS) == Usage()
    prepared(kind, ["It rains.", "it RAINS"])
    assert len(judge.asked) == asked
    assert kind.same("It rains.", "it RAINS")


def test_without_a_verdict_two_texts_differ_and_another_question_has_its_own():
    kind = JudgeAnswer(lambda prompt: "yes")
    assert not kind.same("a b", "c d")
    assert prepared(kind, ["a b", "c d"]).calls == 2
    assert kind.same("a b", "c d")
    assert not kind.about("another question").same("a b", "c d")
    assert kind.about("").same("a b", "c d")


def test_a_judge_that_agrees_in_one_order_alone_merges_nothing():
    def fickle(prompt):
        first, second = prompt.split("-----\n")[1:3]
        return "YES" if first < second else "NO"

    kind = JudgeAnswer(fickle)
    prepared(kind, ["a b", "c d"])
    assert not kind.same("a b", "c d")
    one_way = JudgeAnswer(fickle, both_ways=False)
    prepared(one_way, ["c d", "a b"])
    assert one_way.same("a b", "c d")


def test_a_judge_that_fails_is_heard_of():
    def broken(prompt):
        raise RuntimeError("no connection")

    with pytest.raises(RuntimeError, match="no connection"):
        prepared(JudgeAnswer(broken), ["a b", "c d"])


def test_the_cost_of_one_sample_is_bounded():
    judge = Weather()
    texts = [f"It rains {word}" for word in ["one", "two", "three", "four"]]

    async def never(prompt):
        await judge(prompt)
        return "NO"

    kind = JudgeAnswer(never, max_classes=2)
    prepared(kind, texts)
    assert len(judge.asked) == 0 + 1 + 2 + 2


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("YES", True),
        ("**Yes.**", True),
        ("no", False),
        ("Yes? No.", False),
        ("", False),
        ("eyes", False),
    ],
)
def test_only_a_clear_yes_is_a_yes(text, verdict):
    assert says_yes(text) is verdict


def test_free_text_abstains_where_there_is_nothing_to_compare():
    kind = JudgeAnswer(lambda prompt: "yes", max_chars=10)
    assert kind.vote(Reply(text=" a \n b ")) == ("a b", "")
    assert kind.vote(Reply(text="x" * 11)) == (None, "more than 10 characters")
    assert kind.vote(Reply(text="sorry", refusal=True)) == (None, "refused")
    assert kind.vote(Reply(text=" ")) == (None, "empty")


def by_angle(texts):
    return [[math.cos(float(t.split()[0])), math.sin(float(t.split()[0]))] for t in texts]


def test_similarity_alone_is_refused_without_a_calibrated_threshold():
    with pytest.raises(UsageError, match="opposites"):
        EmbeddingAnswer(by_angle)
    with pytest.raises(UsageError, match="20 pairs"):
        asyncio.run(calibrate(by_angle, [("0 a", "0 b", True)]))


def test_a_threshold_is_calibrated_to_merge_no_pair_that_differs():
    pairs = [(f"{i / 100} a", f"{i / 100 + 0.1} b", True) for i in range(30)]
    pairs += [(f"{i / 100} a", f"{i / 100 + 0.5 + i / 100} b", False) for i in range(30)]
    threshold = asyncio.run(calibrate(by_angle, pairs))
    assert threshold.recall == 1
    assert threshold.pairs == 60
    assert threshold.value == pytest.approx(math.cos(0.5))
    kind = EmbeddingAnswer(by_angle, threshold=threshold)
    prepared(kind, ["0 x", "0.2 y", "0.6 z"])
    assert kind.same("0 x", "0.2 y")
    assert not kind.same("0 x", "0.6 z")
    assert not kind.same("0 x", "never seen")

    opposites = [(a, b, not same) for a, b, same in pairs]
    with pytest.raises(UsageError, match="labelled different has similarity"):
        asyncio.run(calibrate(by_angle, opposites))


def test_embeddings_spare_the_judge_what_is_far_apart():
    asked = []

    def judge(prompt):
        asked.append(prompt)
        return "YES"

    kind = EmbeddingAnswer(by_angle, judge=JudgeAnswer(judge, both_ways=False), floor=0.5)
    prepared(kind, ["0 x", "0.2 y", "3 z"])
    assert len(asked) == 1
    assert kind.same("0 x", "0.2 y")
    assert not kind.same("0 x", "3 z")


def test_the_sample_nearest_to_the_centre_of_its_class_represents_it():
    kind = EmbeddingAnswer(by_angle, judge=JudgeAnswer(lambda prompt: "YES"))
    values = ["0 x", "0.4 y", "0.7 z"]
    samples = [Sample(value) for value in values]
    assert kind.represent(samples) is samples[0]
    prepared(kind, values)
    assert kind.represent(samples) is samples[1]


def test_universal_self_consistency_takes_what_the_model_chooses():
    samples = [Sample(None, reply=Reply(text=f"text {i}")) for i in range(3)]
    samples.insert(1, Sample(None))
    prompts = []

    def choose(text):
        def ask(prompt):
            prompts.append(prompt)
            return text, ONE_CALL

        return asyncio.run(UniversalSelfConsistency(ask).select(samples, question="why?"))

    chosen = choose("Answer 2")
    assert chosen.sample is samples[2]
    assert chosen.usage == ONE_CALL
    assert all(f"text {i}" in prompts[0] for i in range(3))
    assert "why?" in prompts[0]
    assert choose("none of them").sample is samples[0]
    assert choose("99").sample is samples[0]
    alone = asyncio.run(UniversalSelfConsistency(lambda p: "1").select(samples[:1]))
    assert alone.usage == Usage()
    with pytest.raises(UsageError, match="nothing to choose from"):
        asyncio.run(UniversalSelfConsistency(lambda p: "1").select([Sample(None)]))


@pytest.mark.parametrize(
    ("flags", "reply", "reason"),
    [
        ({}, Reply(text="42", finish_reason="length"), "cut off"),
        ({}, Reply(text="42", refusal=True), "refused"),
        ({}, Reply(text="I'm sorry, but I can't help with that. 42"), "refused"),
        ({}, Reply(text="As an AI language model, I cannot provide this."), "refused"),
        ({}, Reply(text="  "), "empty"),
        ({"max_chars": 3}, Reply(text="1234"), "too long: 4 characters"),
        ({"max_tokens": 1}, Reply(text="42", logprobs=(0.0, 0.0)), "too long: 2 tokens"),
        ({"validator": lambda reply: "odd"}, Reply(text="42"), "not valid: odd"),
        ({"validator": lambda reply: False}, Reply(text="42"), "not valid"),
        (
            {"validator": lambda reply: int(reply.text)},
            Reply(text="x"),
            "not valid: invalid literal",
        ),
    ],
)
def test_a_red_flag_abstains_and_says_why(flags, reply, reason):
    value, note = RedFlags(TextAnswer(), **flags).vote(reply)
    assert value is None
    assert note.startswith(reason)


def test_replies_without_red_flags_vote_as_the_wrapped_type_says():
    kind = RedFlags(AutoAnswer(), validator=lambda reply: None, max_tokens=5)
    assert kind.vote(Reply(text="The answer is 42"), tokens=5) == ("42", "")
    assert kind.vote(Reply(text="The answer is 42"), tokens=6) == (None, "too long: 6 tokens")
    assert kind.same("0.5", "1/2")
    assert kind.canonical("sorry, 1/2") == AutoAnswer().canonical("sorry, 1/2")
    assert RedFlags(AutoAnswer(), cut_off=False).vote(Reply(text="42 eggs", finish_reason="length"))
    off = RedFlags(TextAnswer(), refused=False)
    assert off.vote(Reply(text="I'm sorry, but I can't help."))[0] is not None
    assert kind.vote(Reply(text="I can help: the answer is 5"))[0] == "5"
    with pytest.raises(UsageError, match="max_chars"):
        RedFlags(AutoAnswer(), max_chars=0)


def test_a_validator_that_breaks_makes_the_sample_a_failure():
    def broken(reply):
        raise KeyError("x")

    with pytest.raises(KeyError):
        RedFlags(AutoAnswer(), validator=broken).vote(Reply(text="42"))


def test_red_flags_leave_the_parts_of_the_wrapped_type_as_they_are():
    inner = JsonAnswer(fields=["a"])
    kind = RedFlags(inner)
    value = kind.vote(Reply(text='{"a": 1}'))[0]
    assert kind.parts is inner.parts
    assert kind.split(value) == {"a": "1"}
    assert kind.join({"a": "1"}) == value
    winner = Sample(value, reply=Reply(text='{"a": 1}'))
    assert kind.compose({"a": "1"}, [winner]) is winner
    assert RedFlags(AutoAnswer()).parts == {}


def test_answer_types_are_resolved_by_name_object_or_function():
    assert ANSWER_NAMES == (
        "auto", "text", "number", "choice", "boxed", "math", "json", "tool-calls",
    )  # fmt: skip
    for name in ANSWER_NAMES:
        assert isinstance(resolve_answer(name), Answer)
    kind = TextAnswer()
    assert resolve_answer(kind) is kind
    assert resolve_answer(str.upper).vote(Reply(text="a")) == ("A", "")
    for wrong in ("nope", 5, TextAnswer):
        with pytest.raises(UsageError):
            resolve_answer(wrong)
    with pytest.raises(UsageError, match="auto, text, number"):
        resolve_answer("nope")


def test_a_function_may_abstain_with_a_reason_and_its_errors_are_not_hidden():
    def strict(text):
        if not text:
            raise Abstain("said nothing")
        return None if text == "pass" else float(text)

    kind = FunctionAnswer(strict)
    assert kind.vote(Reply(text="")) == (None, "said nothing")
    assert kind.vote(Reply(text="pass")) == (None, "no answer found")
    assert kind.vote(Reply(text="1.5")) == (1.5, "")
    with pytest.raises(ValueError, match="could not convert"):
        kind.vote(Reply(text="x"))
