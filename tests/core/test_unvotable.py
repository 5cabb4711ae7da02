"""Which reply is given where none could be voted on."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf._concurrency.blocking import run_blocking
from bestofinf.answers import UniversalSelfConsistency
from bestofinf.answers.meaning import medoid
from bestofinf.drivers import vote
from bestofinf.ensemble.acceptance import Acceptance
from bestofinf.ensemble.client import Step, arun, run
from bestofinf.ensemble.unvotable import Unvotable, Unvoted, is_unvoted
from bestofinf.errors import NoConsensusError, UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member, Reply, Sample, Usage
from bestofinf.rules import FixedSamples
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.selectors import BestScore

MEMBERS = [Member("m", name="light", weight=0.3), Member("n", name="heavy", weight=0.7)]


def decided(*texts, answer=None, scores=None, selector=None):
    """Return the decision on these replies in turn, none of which votes unless told so."""
    samples = [
        Sample(answer, Reply(text=text), Usage(10, 2, calls=1), score=scores and scores[i])
        for i, text in enumerate(texts)
    ]
    engine = VotingEngine(
        FixedSamples(len(texts)), MEMBERS, selector=selector, abstain_limit=None, schedule="even"
    )
    return vote(engine, lambda draw: samples[draw.index], concurrency=1)


def unvoted(decision, unvotable, policy=None):
    question = "What is there to say?"
    return Unvoted(decision, unvotable, MEMBERS, lambda: question, policy or FailurePolicy())


def saying(text, asked=None):
    def ask(member, prompt):
        if asked is not None:
            asked.append((member.name, prompt))
        return Sample(None, Reply(text=text), Usage(100, 1, calls=1))

    return ask


def resolved(case, ask):
    """Return the flow that resolves a case, with a function that asks a model at once."""

    def asking(member, prompt):
        async def aask():
            return ask(member, prompt)

        return (yield Step(lambda: ask(member, prompt), aask))

    return case.resolve(asking)


def both_ways(case, ask):
    """Settle in blocking code and in an event loop, and return what both give."""
    first, second = run(resolved(case, ask)), asyncio.run(arun(resolved(case, ask)))
    assert first.decision.winner is second.decision.winner
    assert first.decision.reason == second.decision.reason
    assert first.decision.usage == second.decision.usage
    return first


CHOOSE = Unvotable("choose")


def test_the_heaviest_member_chooses_where_nobody_else_is_named():
    asked = []
    decision = decided("one", "two", "three")
    found = both_ways(unvoted(decision, CHOOSE), saying("The second: 2", asked)).decision
    assert {name for name, _ in asked} == {"heavy"}
    assert found.winner.reply.text == "two"
    assert found.winner_member == "heavy"
    assert found.answer is None
    assert found.confidence == 0.0
    assert found.reason.endswith("; chosen by the selector among 3")
    prompt = asked[0][1]
    assert "What is there to say?" in prompt
    assert all(text in prompt for text in ("one", "two", "three"))
    before, after = decision.usage_by_member, found.usage_by_member
    assert after["heavy"] == before["heavy"] + Usage(100, 1, calls=1)
    assert after["light"] == before["light"]
    assert found.usage == sum(after.values(), Usage())


def test_a_member_that_has_given_no_reply_does_not_choose():
    def only_the_light_one(draw):
        if draw.member:
            raise ValueError("down")
        return Sample(None, Reply(text=f"text {draw.index}"), Usage(calls=1))

    engine = VotingEngine(FixedSamples(3), MEMBERS, abstain_limit=None, schedule="even", breaker=1)
    decision = vote(engine, only_the_light_one, concurrency=1, policy=FailurePolicy(retries=0))
    both_ways(unvoted(decision, CHOOSE), saying("1", asked := []))
    assert {name for name, _ in asked} == {"light"}


def test_a_model_of_its_own_is_booked_under_its_own_name():
    judge = Unvotable("choose", Member("j", name="judge"))
    found = both_ways(unvoted(decided("one", "two"), judge), saying("1")).decision
    assert found.usage_by_member["judge"] == Usage(100, 1, calls=1)
    assert found.winner_member == "light"


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_selector_asks_whom_it_likes(asynchronous):
    async def later(prompt):
        return "3", Usage(7, 1, calls=1)

    selector = UniversalSelfConsistency(later if asynchronous else lambda prompt: "3")
    case = unvoted(decided("one", "two", "three"), Unvotable("choose", selector))
    found = both_ways(case, saying("never asked", never := []))
    assert found.decision.winner.reply.text == "three"
    assert found.decision.usage_by_member["chooser"].calls == 1
    assert not found.asked
    assert not never


def test_a_chooser_that_names_none_leaves_the_first():
    found = both_ways(unvoted(decided("one", "two"), CHOOSE), saying("neither")).decision
    assert found.winner.reply.text == "one"
    assert found.reason.endswith("; the first: the selector named none")


def test_a_chooser_that_fails_leaves_the_first_and_its_error_is_told():
    def ask(member, prompt):
        raise ValueError("no, key sk-proj-abcdefghijklmnopqrst")

    found = both_ways(unvoted(decided("one", "two"), CHOOSE), ask).decision
    assert found.winner.reply.text == "one"
    assert "the first: heavy made no choice (ValueError: no, key [hidden]" in found.reason


def test_a_chooser_is_asked_again_after_a_transient_error():
    tries = []

    def ask(member, prompt):
        tries.append(prompt)
        if len(tries) % 2:
            raise ConnectionError("gone")
        return Sample(None, Reply(text="2"), Usage(100, 1, calls=1))

    policy = FailurePolicy(retries=1, longest_wait=0.0)
    found = both_ways(unvoted(decided("one", "two"), CHOOSE, policy), ask).decision
    assert found.winner.reply.text == "two"
    assert len(tries) == 4
    assert found.usage_by_member["heavy"].calls == 1 + 2


def test_choosing_does_not_outlast_the_deadline():
    release = threading.Event()

    def ask(member, prompt):
        release.wait(30)
        return Sample(None, Reply(text="2"))

    case = unvoted(decided("one", "two"), CHOOSE, FailurePolicy(deadline=0.05))
    start = time.monotonic()
    found = run(resolved(case, ask)).decision
    assert time.monotonic() - start < 10.0
    release.set()
    assert found.winner.reply.text == "one"
    assert "made no choice (TimeoutError: deadline" in found.reason


def test_a_single_reply_with_text_needs_no_choice():
    for way in (CHOOSE, Unvotable("medoid")):
        case = unvoted(decided(" ", "two", ""), way)
        found = both_ways(case, saying("1", never := [])).decision
        assert found.winner.reply.text == "two"
        assert found.reason.endswith("; the only reply with a text")
        nothing = decided("", " ")
        assert both_ways(unvoted(nothing, way), saying("1", never)).decision is nothing
        assert not never


def test_the_medoid_is_no_reply_without_text():
    case = unvoted(decided("", "", "a b c", "a b d", "x y z"), Unvotable("medoid"))
    found = both_ways(case, saying("1")).decision
    assert found.winner.reply.text == "a b c"
    assert found.reason.endswith("; the medoid of 3")
    assert found.winner_member == "light"


def test_the_medoid_is_nearest_in_what_replies_say_and_not_in_what_they_think():
    thought = "<think>p q r s t u v w</think>"
    case = unvoted(
        decided(f"{thought}x y z", f"{thought}k l m", "a b c", "a b d"), Unvotable("medoid")
    )
    assert both_ways(case, saying("1")).decision.winner.reply.text == "a b c"


def test_the_first_reply_stays_as_it_was_decided():
    decision = decided("one", "two")
    assert both_ways(unvoted(decision, Unvotable()), saying("2")).decision is decision


@given(st.lists(st.text("ab ", max_size=6), min_size=1, max_size=6), st.randoms())
def test_the_medoid_does_not_depend_on_the_order(texts, random):
    def alike(text):
        own = set(text.split())
        sizes = [len(own) + len(set(other.split())) for other in texts]
        shared = [len(own & set(other.split())) for other in texts]
        return sum(2 * n / size if size else 1.0 for n, size in zip(shared, sizes, strict=True))

    shuffled = random.sample(texts, len(texts))
    assert alike(shuffled[medoid(shuffled)]) == pytest.approx(max(map(alike, texts)))


# -- when ---------------------------------------------------------------------------------------


def test_only_a_decision_without_any_vote_is_unvoted():
    assert is_unvoted(decided("one", "two"), None)
    assert not is_unvoted(decided("one", "two", answer="5"), None)


def test_a_reply_chosen_by_its_score_stands():
    decision = decided("one", "two", scores=[0.1, 0.9], selector=BestScore())
    assert decision.winner.reply.text == "two"
    assert not is_unvoted(decision, BestScore())
    best_first = decided("one", "two", scores=[0.9, 0.1], selector=BestScore())
    assert not is_unvoted(best_first, BestScore())
    unscored = decided("one", "two", selector=BestScore())
    assert is_unvoted(unscored, BestScore())


@pytest.mark.parametrize(
    ("way", "demanded", "refused"),
    [
        ("first", {}, False),
        ("first", {"min_confidence": 0.5}, True),
        ("first", {"escalate_to": "somebody"}, True),
        ("error", {}, True),
        ("medoid", {"min_confidence": 0.5}, False),
        ("choose", {"escalate_to": "somebody"}, False),
    ],
)
def test_the_first_reply_gives_way_to_what_wants_a_vote(way, demanded, refused):
    consensus = Acceptance(**demanded, unvotable=Unvotable(way))
    assert consensus.wants_vote is refused
    if refused:
        with pytest.raises(NoConsensusError, match="no reply could be voted on"):
            consensus.check(decided("one", "two"), unvoted=True)
    else:
        consensus.check(decided("one", "two"), unvoted=True)


def test_the_confidence_in_a_reply_chosen_by_score_is_looked_at():
    decision = decided("one", "two", scores=[0.1, 0.9], selector=BestScore())
    Acceptance(unvotable=Unvotable("error")).check(decision, unvoted=False)
    with pytest.raises(NoConsensusError, match=r"confidence 0\.000 in the reply, at least 0\.5"):
        Acceptance(0.5).check(decision, unvoted=False)


# -- settings -----------------------------------------------------------------------------------


def read(text):
    if text == "bad:one":
        raise UsageError("no such model")
    return Member(text, name=text.partition(":")[2])


@pytest.mark.parametrize("value", [None, "best", "", "Choose", "bad:one"])
def test_what_is_neither_a_way_nor_a_model_is_refused(value):
    with pytest.raises(
        UsageError, match="must be one of first, medoid, choose, vote, error, a model"
    ):
        Unvotable.of(value, read)


def test_a_model_in_the_place_of_a_way_chooses():
    found = Unvotable.of("provider:judge", read)
    assert (found.way, found.chooser.name, str(found)) == ("choose", "judge", "choose:judge")
    assert found.several
    assert str(Unvotable.of("medoid", read)) == "medoid"
    selector = Unvotable.of(UniversalSelfConsistency(str), read)
    assert str(selector) == "choose:UniversalSelfConsistency"


async def test_asynchronous_work_is_finished_from_blocking_code_in_a_loop_too():
    async def work():
        await asyncio.sleep(0)
        return 5

    assert run_blocking(work()) == 5
    assert await asyncio.to_thread(run_blocking, work()) == 5
