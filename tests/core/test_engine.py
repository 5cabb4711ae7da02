"""The engine: its protocol, its order of counting, and its bookkeeping."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer, BoxedAnswer, RedFlags
from bestofinf.errors import ProtocolMisuseError, SamplingError, UsageError
from bestofinf.records import Draw, Failure, Member, Outcome, Sample, Usage
from bestofinf.rules.budgets import FixedSamples, MaxSamples, MaxSeconds
from bestofinf.rules.lead import AheadBy
from bestofinf.rules.tally import Tally
from bestofinf.voting.engine import VotingEngine


def outcome_of(letter: str) -> Outcome:
    """`x` fails, `-` abstains, any other letter is a vote."""
    if letter == "x":
        return Failure(RuntimeError("down"), usage=Usage(calls=1))
    return Sample(None if letter == "-" else letter, usage=Usage(output_tokens=5, calls=1))


def run(letters, rule, *, slots=1, pick=lambda pending: 0, members=(1.0,), **settings):
    """Drive an engine over a scripted stream: draw k always brings letters[k % len]."""
    engine = VotingEngine(rule, members, **settings)
    pending: list[Draw] = []
    while not engine.done:
        pending += engine.ask(slots - len(pending))
        assert pending, "the engine must ask for something while it is not done"
        draw = pending.pop(pick(pending))
        engine.tell(draw, outcome_of(letters[draw.index % len(letters)]))
    return engine


streams = st.text(alphabet="aaabbc-x", min_size=3, max_size=40).filter(
    lambda s: len(set(s) - set("x")) > 0
)
rules = st.sampled_from([AheadBy(2), AheadBy(3), FixedSamples(5), AheadBy(9)])


@settings(deadline=None)
@given(streams, rules, st.integers(1, 12), st.randoms(use_true_random=False), st.integers(1, 3))
def test_the_decision_does_not_depend_on_the_order_of_arrival(stream, rule, slots, rng, members):
    limited = rule | MaxSamples(20)
    ensemble = [1.0 + i for i in range(members)]
    settings = {"members": ensemble, "breaker": 100}
    straight = run(stream, limited, **settings)
    shuffled = run(stream, limited, slots=slots, pick=lambda p: rng.randrange(len(p)), **settings)
    one, other = straight.decision(), shuffled.decision()
    assert (one.answer, one.reason, dict(one.votes)) == (other.answer, other.reason, other.votes)
    assert (one.n_samples, one.n_failed, one.n_abstained) == (
        other.n_samples,
        other.n_failed,
        other.n_abstained,
    )
    assert one.confidence == other.confidence


@settings(deadline=None)
@given(streams, rules, st.integers(1, 12), st.randoms(use_true_random=False), st.integers(1, 3))
def test_thrifty_launching_starts_no_draw_in_vain(stream, rule, slots, rng, members):
    engine = run(
        stream.replace("x", "a"),
        rule | MaxSamples(20),
        slots=slots,
        pick=lambda p: rng.randrange(len(p)),
        members=[1.0 + i for i in range(members)],
        launch="thrifty",
    )
    assert engine.decision().n_cancelled == 0


def test_in_eager_votes_a_draw_that_waits_to_be_counted_keeps_its_slot():
    engine = VotingEngine(AheadBy(5), launch="eager")
    slow, *quick = engine.ask(4)
    for draw in quick:
        engine.tell(draw, Sample("a"))
    assert engine.ask(3) == []
    engine.tell(slow, Sample("a"))
    assert len(engine.ask(4)) == 4


@given(streams, st.integers(1, 12), st.sampled_from(["thrifty", "eager"]))
def test_every_draw_ends_as_exactly_one_of_vote_abstention_failure_unused(stream, slots, launch):
    engine = run(stream, AheadBy(3) | MaxSamples(15), slots=slots, launch=launch, breaker=100)
    decision = engine.decision()
    votes = sum(decision.votes.values())
    assert votes + decision.n_abstained == decision.n_samples
    assert decision.n_samples + decision.n_failed + decision.n_cancelled == len(decision.trail)
    assert decision.usage.calls == sum(t.outcome is not None for t in decision.trail)


@given(streams)
def test_more_slots_never_change_the_counted_votes(stream):
    eager = run(stream, AheadBy(3) | MaxSamples(15), slots=8, launch="eager", breaker=100)
    serial = run(stream, AheadBy(3) | MaxSamples(15), breaker=100)
    assert eager.decision().votes == serial.decision().votes


def test_arrival_order_counts_votes_as_they_come():
    engine = VotingEngine(AheadBy(1), order="arrival", launch="eager")
    first, second = engine.ask(2)
    engine.tell(second, Sample("fast"))
    assert engine.done
    engine.tell(first, Sample("slow"))
    assert engine.decision().answer == "fast"
    assert engine.decision().n_cancelled == 1


def test_an_early_answer_waits_for_its_turn():
    engine = VotingEngine(AheadBy(2))
    first, second = engine.ask(8)
    engine.tell(second, Sample("b"))
    assert engine.tally.n_votes == 0
    engine.tell(first, Sample("a"))
    assert engine.tally.history == ["a", "b"]


def snapshot(engine):
    return (engine.done, engine.in_flight, engine.tally.n_votes, engine.tally.history.copy())


@pytest.mark.parametrize(
    "misuse",
    [
        lambda engine, draw: engine.ask(-1),
        lambda engine, draw: engine.tell(Draw(99, 0), Sample("a")),
        lambda engine, draw: engine.tell(Draw(draw.index, 7), Sample("a")),
        lambda engine, draw: engine.tell(draw, "a"),
        lambda engine, draw: engine.tell(draw, Sample("a", score=1.5)),
        lambda engine, draw: engine.tell(draw, Sample("a", score=float("nan"))),
        lambda engine, draw: engine.decision(),
        lambda engine, draw: (engine.tell(draw, Sample("a")), engine.tell(draw, Sample("a"))),
    ],
)
def test_an_illegal_call_raises_and_changes_nothing(misuse):
    engine = VotingEngine(AheadBy(3))
    draw = engine.ask(1)[0]
    before = snapshot(engine)
    with pytest.raises(ProtocolMisuseError):
        misuse(engine, draw)
    after = snapshot(engine)
    assert after in (before, (False, (), 1, ["a"]))  # the last case told once legally


def test_text_that_cannot_be_voted_on_returns_the_first_reply():
    engine = run("-", AheadBy(3))
    decision = engine.decision()
    assert decision.answer is None
    assert decision.winner is decision.trail[0].outcome
    assert decision.reason.startswith("unvotable")
    assert (decision.n_samples, decision.confidence) == (3, 0.0)


@pytest.mark.parametrize("rule", [AheadBy(4), FixedSamples(5)])
def test_where_answers_are_expected_all_that_the_rule_needs_start_together(rule):
    needed = rule.needed(Tally(), [0] * 8)
    engine = VotingEngine(rule, answer=BoxedAnswer())
    draws = engine.ask(8)
    assert len(draws) == needed > 2
    for draw in draws[:-1]:
        engine.tell(draw, Sample(None))
    assert not engine.done  # what was started is counted before the vote is given up
    engine.tell(draws[-1], Sample(None))
    assert engine.decision().reason.startswith("unvotable")
    assert engine.decision().n_samples == needed


def test_at_most_eight_replies_are_asked_before_a_vote_is_given_up():
    engine = VotingEngine(FixedSamples(40), answer=BoxedAnswer())
    assert len(engine.ask(64)) == 8


@pytest.mark.parametrize(
    ("answer", "first"), [(None, 3), (AutoAnswer(), 1), (RedFlags(AutoAnswer()), 1)]
)
def test_where_the_first_reply_may_end_the_vote_it_is_awaited_alone(answer, first):
    engine = VotingEngine(AheadBy(4), answer=answer)
    draws = engine.ask(8)
    assert len(draws) == first
    engine.tell(draws[0], Sample("yes"))
    assert len(draws) - 1 + len(engine.ask(8)) == 3  # three more may decide


def test_a_dead_member_is_left_out_and_the_vote_goes_on():
    engine = VotingEngine(AheadBy(3), [Member(None, name="dead"), Member(None, name="alive")])
    while not engine.done:
        for draw in engine.ask(1):
            dead = engine.names[draw.member] == "dead"
            fatal = Failure(PermissionError("bad key"), fatal=True)
            engine.tell(draw, fatal if dead else Sample("a"))
    decision = engine.decision()
    assert decision.answer == "a"
    assert decision.n_failed == 1
    assert "left out: dead" in decision.reason


def test_when_all_members_are_dead_one_error_carries_every_cause():
    engine = VotingEngine(AheadBy(3), [1.0, 1.0, 1.0])
    errors = []
    while not engine.done:
        for draw in engine.ask(1):
            errors.append(PermissionError(f"key {draw.member}"))
            engine.tell(draw, Failure(errors[-1], fatal=True))
    with pytest.raises(SamplingError, match="no decision: 0 votes") as caught:
        engine.decision()
    assert caught.value.causes == tuple(errors)
    assert len(errors) == 3


def test_a_vote_below_its_quorum_is_no_decision():
    engine = VotingEngine(AheadBy(5), quorum=3)
    engine.tell(engine.ask(1)[0], Sample("a"))
    engine.stop("deadline")
    with pytest.raises(SamplingError, match="at least 3 wanted"):
        engine.decision()


def test_late_outcomes_are_booked_but_not_counted():
    engine = VotingEngine(AheadBy(1), launch="eager")
    draws = engine.ask(3)
    engine.tell(draws[0], Sample("a", usage=Usage(output_tokens=7, calls=1)))
    assert engine.done
    assert engine.in_flight == tuple(draws[1:])
    engine.tell(draws[1], Sample("b", usage=Usage(output_tokens=11, calls=1)))
    decision = engine.decision()
    assert decision.votes == {"a": 1}
    assert decision.usage.output_tokens == 18
    assert decision.n_cancelled == 2
    assert engine.ask(5) == []


def test_time_comes_in_from_outside():
    engine = VotingEngine(AheadBy(9) | MaxSeconds(2.0))
    engine.tell(engine.ask(1)[0], Sample("a"))
    engine.advance(1.9)
    assert not engine.done
    engine.advance(2.1)
    assert engine.decision().reason.startswith("max-seconds")


def test_the_winner_comes_from_the_heaviest_member_that_gave_the_answer():
    engine = VotingEngine(FixedSamples(3), [0.2, 0.8])
    while not engine.done:
        for draw in engine.ask(1):
            engine.tell(draw, Sample("a"))
    assert engine.decision().winner_member == "1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"members": []}, "at least one member"),
        ({"members": [-1.0]}, "at least 0"),
        ({"members": [0.0, 0.0]}, "not all 0"),
        ({"members": [float("nan")]}, "at least 0"),
        ({"launch": "wild"}, "thrifty, eager"),
        ({"order": "wild"}, "draw, arrival"),
        ({"schedule": "wild"}, "greedy, golden, independent"),
        ({"quorum": 0}, "at least 1"),
        ({"rule": "wild"}, "must be a StopRule"),
    ],
)
def test_bad_settings_are_refused_at_construction(arguments, message):
    with pytest.raises(UsageError, match=message):
        VotingEngine(**{"rule": AheadBy(3)} | arguments)


def test_random_streams_always_end():
    rng = random.Random(5)
    for _ in range(200):
        stream = "".join(rng.choices("ab-x", [4, 4, 1, 3], k=64))
        engine = VotingEngine(AheadBy(4) | MaxSamples(30), breaker=3)
        for _ in range(300):
            if engine.done:
                break
            for draw in engine.ask(4):
                engine.tell(draw, outcome_of(stream[draw.index % 64]))
        assert engine.done
