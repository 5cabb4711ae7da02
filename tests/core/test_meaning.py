"""A vote on free text by its meaning."""

from __future__ import annotations

import math
import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import UsageError
from bestofinf.answers import AutoAnswer, EmbeddingAnswer, JsonAnswer, JudgeAnswer, MeaningAnswer
from bestofinf.answers.meaning import FreeReply, entropy
from bestofinf.drivers import vote
from bestofinf.ensemble.agreement import in_words
from bestofinf.ensemble.meaning import MeaningVote, by_meaning
from bestofinf.ensemble.unvotable import Unvotable
from bestofinf.records import Member, Reply, Sample, Usage
from bestofinf.rules import OptimalStopping
from bestofinf.voting.engine import VotingEngine

FILLING = "and this is told at some length in words that differ from one reply to the next because"
MEMBERS = [Member("m", name="light", weight=0.3), Member("n", name="heavy", weight=0.7)]


def essay(meaning: str, source: random.Random) -> str:
    """Return a text of 40 words that is unlike any other, and says which meaning it has."""
    words = " ".join(f"{source.choice('bcdfg')}{source.choice('aeiou')}x" for _ in range(20))
    return f"It means {meaning}, {FILLING} {words}"


class Judge:
    """Says whether two texts name the same meaning, and keeps a book of the pairs."""

    def __init__(self) -> None:
        self.pairs: Counter[frozenset[str]] = Counter()

    def __call__(self, prompt: str) -> tuple[str, Usage]:
        texts = re.findall(r"It means (\w+), [^\n<]*", prompt)
        self.pairs[frozenset(re.findall(r"It means [^\n<]*", prompt))] += 1
        return "YES" if len(set(texts)) == 1 else "NO", Usage(50, 1, calls=1)


def voted(answer, said):
    """Return the decision on these replies in turn, or on these answers where no type reads them."""
    rule = OptimalStopping.balanced()
    engine = VotingEngine(in_words(rule, answer) if answer else rule, answer=answer)

    def sample(draw):
        given = said[draw.index % len(said)]
        return Sample(None, Reply(given)) if answer else Sample(given)

    return vote(engine, sample, answer=answer, concurrency=1)


@pytest.mark.parametrize("shares", [(0.67, 0.33), (0.5, 0.3, 0.2)])
def test_it_elects_what_exact_counting_elects(shares):
    elected, calls, replies = [], 0, 0
    for question in range(20):
        source = random.Random(question)
        meanings = source.choices("ABC"[: len(shares)], shares, k=64)
        texts = [essay(meaning, source) for meaning in meanings]
        judge = Judge()
        answer = MeaningAnswer(AutoAnswer(), JudgeAnswer(judge, both_ways=False))
        found, exact = voted(answer, texts), voted(None, meanings)
        won = re.match(r"It means (\w)", found.winner.reply.text)[1]
        elected.append(won == exact.answer)
        assert found.n_samples == exact.n_samples
        assert sorted(found.votes.values()) == sorted(exact.votes.values())
        assert found.confidence == exact.confidence
        assert max(judge.pairs.values()) == 1
        assert found.usage.input_tokens == 50 * judge.pairs.total()
        # A new text meets each class once at most.
        assert judge.pairs.total() <= found.n_samples * len(found.votes)
        calls, replies = calls + judge.pairs.total(), replies + found.n_samples
    assert all(elected)
    assert calls <= 1.8 * replies


def test_the_medoid_of_the_class_is_given():
    texts = [f"It means A, {FILLING} {end}" for end in ("x y z w", "a b c d", "a b c e")]
    answer = MeaningAnswer(AutoAnswer(), JudgeAnswer(Judge(), both_ways=False))
    samples = [Sample(FreeReply(text), Reply(text)) for text in texts]
    assert answer.represent(samples) is samples[1]


def test_what_can_be_voted_on_otherwise_keeps_its_votes():
    judge = Judge()
    answer = MeaningAnswer(AutoAnswer().for_question("How many?"), JudgeAnswer(judge))
    assert answer.vote(Reply("12.")) == ("12", "")
    value, why = answer.vote(Reply(essay("A", random.Random(1))))
    assert isinstance(value, FreeReply)
    assert why == ""
    assert not answer.same("12", value)
    assert answer.same("12", "12")
    assert answer.vote(Reply("")) == (None, "empty")
    assert answer.in_words(value)
    assert not answer.in_words("12")


def test_thoughts_are_no_part_of_the_text():
    answer = MeaningAnswer(AutoAnswer().with_thoughts("plan"), JudgeAnswer(Judge()))
    text = essay("A", random.Random(1))
    for tag in ("think", "plan"):
        assert answer.vote(Reply(f"<{tag}>It means B, no.</{tag}>{text}"))[0] == text


def test_embeddings_spare_the_judge_what_is_far_apart():
    judge = Judge()

    def embed(texts):
        return [[1.0, 0.0] if "means A" in text else [0.0, 1.0] for text in texts]

    near = EmbeddingAnswer(embed, judge=JudgeAnswer(judge, both_ways=False))
    source = random.Random(0)
    said = [essay(meaning, source) for meaning in "ABABBBABBB" * 6]
    answer = MeaningAnswer(AutoAnswer(), near)
    found = voted(answer, said)
    assert found.winner.reply.text.startswith("It means B")
    assert all("A" not in str(pair) or "B, " not in str(pair) for pair in judge.pairs)
    assert judge.pairs.total() == found.n_samples - 2


def test_replies_without_agreement_end_the_vote():
    source = random.Random(0)
    said = [essay(f"M{i}", source) for i in range(64)]
    answer = MeaningAnswer(AutoAnswer(), JudgeAnswer(Judge(), both_ways=False))
    found = voted(answer, said)
    assert found.n_samples == 8
    assert entropy(found.shares) == pytest.approx(math.log(8))


def test_who_compares():
    def ask(member, prompt):
        asked.append(member.name)
        return Sample(None, Reply("<think>no</think>YES"), Usage(1, 1, calls=1))

    for unvotable, name in (
        (Unvotable.of("vote", None), "heavy"),
        (Unvotable.of(MeaningVote(), None), "heavy"),
        (Unvotable.of(MeaningVote("j"), lambda given: Member(given, name="judge")), "judge"),
    ):
        asked: list[str] = []
        answer = by_meaning(AutoAnswer(), unvotable, MEMBERS, ask, "What is it?")
        source = random.Random(0)
        said = [essay(m, source) for m in "AB"]
        found = voted(answer, said)
        assert len(found.votes) == 1
        assert asked == [name]
    assert str(unvotable) == "vote:judge"


def test_types_that_vote_on_everything_or_part_by_part_stay_as_they_are():
    for answer in (JudgeAnswer(Judge()), JsonAnswer(fields=["city"])):
        assert by_meaning(answer, Unvotable("vote"), MEMBERS, None, "?") is answer


@pytest.mark.parametrize("floor", [-2, 1.5, float("nan"), "near"])
def test_a_floor_out_of_its_range_is_refused(floor):
    with pytest.raises(UsageError, match=r"floor must lie in \[-1, 1\]"):
        MeaningVote(floor=floor)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_entropy_lies_between_agreement_and_an_even_split(counts):
    shares = {i: n / sum(counts) for i, n in enumerate(counts)}
    assert -1e-12 <= entropy(shares) <= math.log(len(counts)) + 1e-12
