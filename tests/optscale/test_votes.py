"""Scores in a whole vote: scorer, rule, selector and engine together."""

import asyncio

import pytest

from bestofinf.ensemble.plan import VotePlan
from bestofinf.optscale.reliability import Calibration
from bestofinf.records import Draw, Member, Reply, Sample, Usage
from bestofinf.rules import AheadBy, OptScale
from bestofinf.scorers import FunctionScorer, Score, ascored, scored
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.selectors import BestScore, ScoreWeighted

REPLIES = [("7", 0.4), ("9", 0.7), ("9", 0.75), ("8", 0.97), ("9", 0.2)]
ONE = Usage(output_tokens=5, calls=1)
JUDGED = Usage(input_tokens=50, cost=0.5, calls=1)


def judge(prompt, reply):
    assert prompt == "the question"
    return Score(dict(REPLIES)[reply.text] if reply.text != "9" else 0.7, JUDGED)


def run(engine, replies=REPLIES):
    while not engine.done:
        for draw in engine.ask(1):
            answer, score = replies[draw.index]
            engine.tell(draw, Sample(answer, Reply(answer or "text"), ONE, score=score))
    return engine.decision()


def test_vote_ends_with_the_reply_that_attains_the_score():
    decision = run(VotingEngine(OptScale(), selector=BestScore()))
    assert decision.answer == "8"
    assert decision.reason.startswith("optscale: score 0.97 attains 0.95 (N* ")
    assert decision.n_samples == 4
    assert decision.winner.score == 0.97


def test_votes_may_end_what_scores_did_not():
    rule = OptScale() | AheadBy(2)
    decision = run(VotingEngine(rule, selector=ScoreWeighted()), [("9", 0.7), ("9", 0.75)])
    assert decision.reason.startswith("ahead-by")
    assert decision.answer == "9"
    assert decision.winner.score == 0.75


def test_free_text_is_chosen_by_score_alone():
    engine = VotingEngine(OptScale(), selector=BestScore(), abstain_limit=None)
    decision = run(engine, [(None, 0.5), (None, 0.9), (None, 0.8), (None, 0.96)])
    assert decision.answer is None
    assert decision.winner.score == 0.96


def test_decision_of_a_plan_is_as_confident_as_the_calibration():
    calibration = Calibration("isotonic", scores=(0.0, 1.0), chances=(0.0, 0.9))
    plan = VotePlan.make([Member("m")], rule=OptScale(calibration=calibration))
    decision = run(plan.engine())
    assert decision.confidence == pytest.approx(0.97 * 0.9)


def test_scores_counted_in_draw_order_decide_the_same_however_they_arrive():
    def arriving(order):
        engine = VotingEngine(OptScale(batch_risk=0), selector=BestScore(), launch="eager")
        draws = engine.ask(5)
        for index in order:
            answer, score = REPLIES[index]
            engine.tell(draws[index], Sample(answer, Reply(answer), score=score))
        return engine.decision()

    assert arriving([0, 1, 2, 3, 4]).n_samples == arriving([4, 3, 2, 1, 0]).n_samples == 4


def test_scoring_adds_its_score_and_its_cost_to_the_sample():
    sample = Sample("8", Reply("8"), ONE)
    found = scored(sample, FunctionScorer(judge), "the question")
    assert found.score == 0.97
    assert found.usage == ONE + JUDGED
    assert found.note == ""
    again = asyncio.run(ascored(sample, FunctionScorer(judge), "the question"))
    assert again == found


def test_sample_whose_scoring_failed_keeps_its_vote_and_says_why():
    def broken(prompt, reply):
        raise ValueError("no scale")

    sample = Sample("8", Reply("8"), ONE, note="cut off")
    found = scored(sample, FunctionScorer(broken), "the question")
    assert found.answer == "8"
    assert found.score is None
    assert found.note == "cut off; not scored: ValueError: no scale"
    engine = VotingEngine(OptScale(cap=3))
    engine.tell(engine.ask(1)[0], found)
    assert not engine.done
    assert engine.tally.n_scored == 0


def test_nothing_is_scored_without_a_scorer_or_a_reply():
    sample = Sample("8", None, ONE)
    assert scored(sample, FunctionScorer(judge), "") is sample
    with_reply = Sample("8", Reply("8"), ONE)
    assert scored(with_reply, None, "") is with_reply
    assert asyncio.run(ascored(with_reply, None, "")) is with_reply


def test_draws_of_a_vote_on_scores_are_not_wasted():
    engine = VotingEngine(OptScale())
    assert engine.ask(8) == [Draw(0, 0)]
