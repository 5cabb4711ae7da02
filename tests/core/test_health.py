"""The circuit breaker across votes."""

import pytest

from bestofinf.drivers.health import Health
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import UsageError
from bestofinf.records import Draw, Failure, Member, Sample, Usage, Usual
from bestofinf.rules import AheadBy, OptimalStopping
from bestofinf.voting.engine import VotingEngine
from support.refusals import Clock

DOWN = Failure(RuntimeError("down"))


def test_a_member_is_left_out_after_failures_in_a_row_and_tried_again_later():
    clock = Clock()
    health = Health(2, breaker=2, cooldown=10, clock=clock)
    health.record(Draw(0, 1), DOWN)
    assert health.left_out() == set()
    health.record(Draw(1, 1), DOWN)
    assert health.left_out() == {1}
    clock.now = 10.0
    assert health.left_out() == set()
    health.record(Draw(2, 1), DOWN)
    assert health.left_out() == {1}
    clock.now = 20.0
    health.record(Draw(3, 1), Sample("a"))
    health.record(Draw(4, 1), DOWN)
    assert health.left_out() == set()


def test_a_fatal_failure_leaves_a_member_out_at_once_and_a_cancelled_draw_says_nothing():
    health = Health(2, breaker=3)
    health.record(Draw(0, 0), Failure(PermissionError("key"), fatal=True))
    for index in range(5):
        health.record(Draw(index, 1), Failure(RuntimeError(), cancelled=True))
    assert health.left_out() == {0}


def test_when_all_are_out_all_are_asked():
    health = Health(2, breaker=1)
    for member in (0, 1):
        health.record(Draw(member, member), DOWN)
    assert health.left_out() == set()


def test_a_member_is_asked_all_the_same_where_the_others_have_no_weight():
    plan = VotePlan.make([Member(None, weight=weight) for weight in (1.0, 0.0)])
    assert plan.engine(left_out={0}).ask()[0].member == 0


def test_a_member_left_out_is_not_asked_and_the_decision_says_so():
    engine = VotingEngine(AheadBy(3), [1.0, 5.0], left_out={1})
    while not engine.done:
        for draw in engine.ask(4):
            assert draw.member == 0
            engine.tell(draw, Sample("a"))
    assert "left out: 1" in engine.decision().reason


def test_leaving_everybody_out_is_refused():
    with pytest.raises(UsageError, match="at least one must be left"):
        VotingEngine(AheadBy(3), [1.0], left_out={0})
    with pytest.raises(UsageError, match="cooldown"):
        Health(1, cooldown=-1)


def test_what_replies_usually_are_is_learned_and_reaches_rules_that_ask_for_it():
    health = Health(2)
    for tokens in (100, 300):
        usage = Usage(output_tokens=tokens, cost=tokens / 100)
        health.record(Draw(0, 1), Sample("a", tokens=tokens, usage=usage))
    assert [(u.tokens, u.cost, u.samples) for u in health.usual()] == [(0, 0, 0), (200, 2, 2)]
    known = [Usual(200, 5.0, 2.0, 9)] * 2
    dear = OptimalStopping(price_per="token")
    assert VotingEngine(dear | AheadBy(9), [1.0, 1.0], usual=known).tally.usual == tuple(known)
    assert VotingEngine(OptimalStopping(), [1.0, 1.0], usual=known).tally.usual == ()


def test_failures_of_one_question_are_one_event():
    health = Health(2, breaker=3)
    for index in range(10):
        health.record(Draw(index, 1), DOWN, "one question")
    assert health.left_out() == set()
    health.record(Draw(0, 1), DOWN, "another")
    health.record(Draw(1, 1), DOWN, "one question")
    assert health.left_out() == set()
    health.record(Draw(0, 1), DOWN, "a third")
    assert health.left_out() == {1}


def test_a_question_that_is_refused_for_what_it_asks_says_nothing():
    health = Health(2, breaker=1)
    for number in range(10):
        health.record(Draw(0, 1), Failure(ValueError("too long"), fatal=True, refused=True), number)
    assert health.left_out() == set()


def test_a_member_is_left_alone_for_as_long_as_its_server_said_whatever_else_it_brings():
    clock = Clock()
    health = Health(2, cooldown=5, clock=clock)
    health.record(Draw(0, 1), Failure(RuntimeError(), fatal=True, wait=3600.0))
    health.record(Draw(1, 1), Sample("a"))  # was under way
    clock.now = 3599
    assert (health.left_out(), health.back_in(1)) == ({1}, 1.0)
    clock.now = 3601
    assert (health.left_out(), health.back_in(1)) == (set(), 0.0)
    health.record(Draw(2, 1), Failure(RuntimeError(), fatal=True, wait=1e12))
    assert health.back_in(1) == 86_400
