import asyncio
import contextvars
import math
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.policy import FailurePolicy
from bestofinf.records import Reply, Usage
from bestofinf.scorers import (
    FunctionScorer,
    MeanLogprob,
    Scale,
    Score,
    Scorer,
    SelfCertainty,
    TextJudge,
    as_scorer,
    sigmoid,
)
from bestofinf.scorers.logprobs import self_certainty

REPLY = Reply(text="The answer is 42.")
QUICK = FailurePolicy(retries=0, timeout=0.1)
AGAIN = FailurePolicy(retries=2, longest_wait=0.0)


def both(scorer, reply=REPLY, prompt="6 x 7?"):
    """Score through both faces; they must agree."""
    found = scorer.score(prompt, reply)
    again = asyncio.run(scorer.ascore(prompt, reply))
    assert found == again
    return found


def test_function_is_a_scorer():
    scorer = as_scorer(lambda prompt, reply: 0.5 if "42" in reply.text else 0.0)
    assert isinstance(scorer, Scorer)
    assert both(scorer) == Score(0.5)


def test_coroutine_function_is_a_scorer_on_both_faces():
    async def judge(prompt, reply):
        await asyncio.sleep(0)
        return 0.25

    assert both(FunctionScorer(judge)).value == 0.25


def test_coroutine_scorer_called_inside_a_running_loop_by_the_blocking_face():
    async def judge(prompt, reply):
        return 0.75

    async def main():
        return FunctionScorer(judge).score("", REPLY)

    assert asyncio.run(main()).value == 0.75


def test_function_may_report_its_cost():
    usage = Usage(input_tokens=10, output_tokens=1, cost=0.5, calls=1)
    assert both(FunctionScorer(lambda p, r: Score(0.5, usage, "fine"))).usage == usage


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1, "0.9", None, [], object()])
def test_what_is_no_score_gives_none_and_never_nought(value):
    found = both(FunctionScorer(lambda p, r: value))
    assert found.value is None
    assert found.note


@pytest.mark.parametrize("value", [0, 1, True, 1 + 1e-9, -1e-9])
def test_ends_of_the_scale_are_scores(value):
    assert both(FunctionScorer(lambda p, r: value)).value in (0.0, 1.0)


def test_scorer_that_raises_gives_none_with_the_reason():
    def broken(prompt, reply):
        raise ZeroDivisionError("oops")

    found = both(FunctionScorer(broken))
    assert found.value is None
    assert found.note == "not scored: ZeroDivisionError: oops"


def test_scorer_that_hangs_is_left_behind_in_time():
    release = threading.Event()
    scorer = FunctionScorer(lambda p, r: release.wait(30) and 0.9, policy=QUICK)
    began = time.monotonic()
    found = both(scorer)
    release.set()
    assert time.monotonic() - began < 20
    assert found.value is None
    assert "no score within 0.1 s" in found.note


def test_coroutine_that_hangs_is_cancelled_in_time():
    async def forever(prompt, reply):
        await asyncio.sleep(30)

    assert "no score within" in both(FunctionScorer(forever, policy=QUICK)).note


def test_transient_errors_are_tried_again_and_their_cost_is_booked():
    tries = []

    def flaky(prompt, reply):
        tries.append(1)
        if len(tries) % 3:
            raise ConnectionError("reset")
        return Score(0.5, Usage(calls=1))

    assert both(FunctionScorer(flaky, policy=AGAIN)) == Score(0.5, Usage(calls=1))
    assert len(tries) == 6


def test_errors_that_will_not_pass_are_not_tried_again():
    tries = []

    def broken(prompt, reply):
        tries.append(1)
        raise ValueError("never")

    FunctionScorer(broken, policy=AGAIN).score("", REPLY)
    assert len(tries) == 1


async def test_cancelling_is_not_swallowed():
    async def forever(prompt, reply):
        await asyncio.sleep(30)

    task = asyncio.create_task(FunctionScorer(forever).ascore("", REPLY))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_scorer_sees_the_context_of_its_caller():
    who = contextvars.ContextVar("who", default="nobody")
    seen = []

    def scorer(prompt, reply):
        seen.append(who.get())
        return 1.0

    who.set("caller")
    both(FunctionScorer(scorer))
    assert seen == ["caller", "caller"]


def test_scales_bring_other_ranges_to_nought_and_one():
    assert both(FunctionScorer(lambda p, r: 4, scale=Scale(1, 5))).value == 0.75
    assert both(FunctionScorer(lambda p, r: 2, scale=Scale(4, 0))).value == 0.5
    assert both(FunctionScorer(lambda p, r: 6, scale=Scale(1, 5))).value is None
    assert both(FunctionScorer(lambda p, r: 6, scale=Scale(1, 5, clip=True))).value == 1
    assert both(FunctionScorer(lambda p, r: math.nan, scale=Scale(0, 1, clip=True))).value is None
    assert both(FunctionScorer(lambda p, r: -800, scale=sigmoid)).value == pytest.approx(0)
    assert both(FunctionScorer(lambda p, r: 0.3, scale=lambda x: 7)).value is None
    for ends in ((1, 1), (0, math.inf), (math.nan, 1)):
        with pytest.raises(UsageError):
            Scale(*ends)


def test_what_is_no_scorer_is_refused():
    assert as_scorer(None) is None
    with pytest.raises(UsageError, match="a scorer is"):
        as_scorer("reward model")


def test_mean_log_probability_is_the_geometric_mean_of_probabilities():
    reply = Reply(text="x", logprobs=(math.log(0.9), math.log(0.4)))
    assert both(MeanLogprob(), reply).value == pytest.approx(0.6)
    assert both(MeanLogprob(), Reply(text="x")).value is None
    assert both(MeanLogprob(), Reply(text="x", logprobs=(math.nan,))).value is None
    assert both(MeanLogprob(), Reply(text="x", logprobs=(0.5,))).value is None
    assert both(MeanLogprob(), Reply(text="x", logprobs=(-math.inf,))).value == 0


def test_self_certainty_is_nought_for_even_odds_and_grows_with_certainty():
    even = self_certainty([[math.log(0.25)] * 4])
    sure = self_certainty([[math.log(0.97), *[math.log(0.01)] * 3]])
    assert even == pytest.approx(0, abs=1e-12)
    # KL(U || p) = -log 4 - mean log p
    divergence = -math.log(4) - (math.log(0.97) + 3 * math.log(0.01)) / 4
    assert sure == pytest.approx(1 - math.exp(-divergence))


@given(st.lists(st.lists(st.floats(-50, 0), min_size=2, max_size=5), min_size=1, max_size=6))
def test_self_certainty_is_always_a_score(top):
    assert 0 <= self_certainty(top) <= 1


def test_self_certainty_needs_more_than_one_token_a_place():
    assert both(SelfCertainty(lambda reply: [[-0.1], [-0.2]])).value is None
    assert both(SelfCertainty(lambda reply: None)).value is None
    assert both(SelfCertainty(lambda reply: [[-0.1], [-0.1, -3.0]])).value > 0


def test_judge_averages_its_judgements_and_adds_up_their_cost():
    said = iter(["score: 6", "Score: **9**", "I first thought score: 2, but score: 9"] * 2)

    def ask(question):
        assert "6 x 7?" in question
        assert "The answer is 42." in question
        return Score(None, Usage(input_tokens=100, calls=1), next(said))

    found = both(TextJudge(ask=ask, judgements=3))
    assert found.value == pytest.approx(0.8)
    assert found.usage == Usage(input_tokens=300, calls=3)


def test_judgements_that_fail_are_left_out_of_the_mean_but_paid_for():
    said = iter(["score: 4", "no idea", "score: 99"] * 2)
    judge = TextJudge(ask=lambda q: next(said), judgements=3)
    found = both(judge)
    assert found.value == pytest.approx(0.4)
    assert found.usage.calls == 3
    assert "no idea" in found.note


def test_judge_that_never_judges_gives_none():
    found = both(TextJudge(ask=lambda q: "I refuse", judgements=2))
    assert found.value is None
    assert found.usage.calls == 2


@pytest.mark.parametrize(
    "said",
    [
        *(
            "<think>score: 9</think>",
            "<think>I would say score: 9",
            "score: 9</think>I cannot say.",
        ),
        *(
            "score: 7,5",
            "score: 85 %",
            "score: 85%",
            "score: 1e1",
            "score: 1.2.3",
            "score: 4/5",
            "Score: 70 / 100",
            "**Score:** 3 out of 4",
            "Punktzahl: 7",
            "",
        ),
    ],
)
def test_what_is_no_verdict_on_the_scale_is_no_score(said):
    assert both(TextJudge(ask=lambda q: said)).value is None


@pytest.mark.parametrize(
    ("said", "score"),
    [
        *(("<think>score: 2</think>score: 9", 0.9), ("score: 2\nscore: 9.", 0.9)),
        *(("Score: **7.5**", 0.75), ("score: 8/10", 0.8), ("score: 8, as it is right", 0.8)),
    ],
)
def test_the_last_score_outside_thoughts_counts(said, score):
    assert both(TextJudge(ask=lambda q: said)).value == pytest.approx(score)


def test_judge_may_ask_asynchronously_and_judges_at_the_same_time():
    waiting = 0

    async def ask(question):
        nonlocal waiting
        waiting += 1
        await asyncio.sleep(0.05)
        together.append(waiting)
        waiting -= 1
        return "score: 10"

    together = []
    judge = TextJudge(ask=ask, judgements=3)
    assert asyncio.run(judge.ascore("", REPLY)).value == 1
    assert max(together) == 3
    assert judge.score("", REPLY).value == 1


def test_judge_names_its_scale_and_rubric_to_the_model():
    judge = TextJudge(ask=str, rubric="Is it polite?", scale=Scale(1, 5))
    question = judge.question("p", REPLY)
    assert "Is it polite?" in question
    assert "from 1 " in question
    assert "to 5 " in question


@pytest.mark.parametrize("settings", [{"judgements": 0}, {"judgements": 1.5}, {"ask": None},
                                      {"scale": sigmoid}])  # fmt: skip
def test_wrong_judges_are_refused(settings):
    with pytest.raises(UsageError):
        TextJudge(**{"ask": str, **settings})
