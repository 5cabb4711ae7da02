"""One budget over many questions: where draws go, and that totals are met."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf.batches.pool import Budget, Pool
from bestofinf.errors import ProtocolMisuseError, UsageError
from bestofinf.records import Draw, Failure, Sample, Usage
from bestofinf.rules import AheadBy, MaxSamples, OptimalStopping
from bestofinf.voting.engine import VotingEngine

RULE = OptimalStopping.exhaustive()


def sample(answer, tokens=10):
    return Sample(answer, tokens=tokens, usage=Usage(5, tokens, tokens / 1000, 1))


def run(questions, budget, *, slots=1, limit=40, rng=None, rule=RULE):
    """Vote on {name: shares of answers} and return pool, decisions and draws per question."""
    rng = rng or random.Random(0)
    pool = Pool(rule, budget)
    for name in questions:
        pool.add(name, VotingEngine(rule | MaxSamples(limit)))
    pending, drawn, decisions = [], dict.fromkeys(questions, 0), {}
    while not pool.done:
        pending += pool.ask(slots - len(pending))
        name, draw = pending.pop(rng.randrange(len(pending)))
        drawn[name] += 1
        answers, weights = zip(*questions[name].items(), strict=True)
        pool.tell(name, draw, sample(rng.choices(answers, weights)[0]))
        decisions |= {n: e.decision() for n, e in pool.settled()}
    pool.close()
    decisions |= {n: e.decision() for n, e in pool.settled()}
    return pool, decisions, drawn


CLEAR = {"a": 1.0}
CLOSE = {"a": 0.5, "b": 0.5}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["clear", "close"]), min_size=1, max_size=12),
    st.integers(1, 8),
    st.integers(0, 60),
    st.integers(0, 2**16),
)
def test_a_total_of_samples_is_met_exactly(kinds, slots, extra, seed):
    questions = {f"{kind}{i}": CLOSE for i, kind in enumerate(kinds)}
    total = len(questions) + extra
    rule = OptimalStopping(price=1e-5)  # would go on for ever on these
    pool, decisions, drawn = run(
        questions,
        Budget(total),
        slots=slots,
        limit=100,
        rng=random.Random(seed),
        rule=rule,
    )
    spent = sum(drawn.values())
    settled_early = sum(not d.reason.startswith("budget") for d in decisions.values())
    assert spent == total or (spent < total and settled_early == len(questions))
    assert pool.spent == spent
    assert sum(d.n_samples for d in decisions.values()) == spent
    assert set(decisions) == set(questions)
    assert min(drawn.values()) >= 1


def test_every_question_gets_one_sample_before_any_gets_a_second():
    _, decisions, drawn = run({f"q{i}": CLOSE for i in range(7)}, Budget(7))
    assert set(drawn.values()) == {1}
    assert len(decisions) == 7


def test_contested_questions_get_what_clear_ones_do_not_need():
    questions = {f"clear{i}": CLEAR for i in range(10)} | {f"close{i}": CLOSE for i in range(10)}
    _, _, drawn = run(questions, Budget(160))
    clear = max(n for name, n in drawn.items() if name.startswith("clear"))
    close = sum(n for name, n in drawn.items() if name.startswith("close")) / 10
    assert clear <= 6 < close


@pytest.mark.parametrize(("unit", "total"), [("tokens", 500), ("cost", 0.5)])
def test_totals_of_tokens_and_money_are_exceeded_by_less_than_one_sample(unit, total):
    pool, _, _ = run({f"q{i}": CLOSE for i in range(10)}, Budget(total, unit), slots=4)
    one = 10 if unit == "tokens" else 0.01
    assert total - 1e-9 <= pool.spent < total + one + 1e-9


def test_without_a_budget_every_question_runs_to_its_own_end():
    pool, decisions, _ = run({"x": CLEAR, "y": CLEAR}, None)
    assert all(d.reason.startswith("optimal") for d in decisions.values())
    assert len(pool) == 0


def test_stopping_at_any_moment_leaves_the_best_answers_so_far():
    pool = Pool(RULE, Budget(100))
    for name in "xyz":
        pool.add(name, VotingEngine(RULE | MaxSamples(9)))
    for name, draw in pool.ask(3):
        pool.tell(name, draw, sample("a"))
    pool.close("interrupted")
    assert {n: e.decision().answer for n, e in pool.settled()} == dict.fromkeys("xyz", "a")
    assert pool.ask(5) == []


def test_failures_are_not_samples():
    pool = Pool(RULE, Budget(3))
    pool.add("x", VotingEngine(RULE | MaxSamples(9), breaker=10))
    failed = 0
    while not pool.done:
        for name, draw in pool.ask(1):
            outcome = Failure(RuntimeError("down")) if draw.index % 2 else sample("a")
            failed += isinstance(outcome, Failure)
            pool.tell(name, draw, outcome)
    assert (pool.spent, failed) == (3, 2)


def test_questions_may_come_later():
    pool = Pool(RULE)
    assert pool.done
    pool.add("x", VotingEngine(RULE | MaxSamples(2)))
    assert not pool.done
    with pytest.raises(UsageError, match="in the pool already"):
        pool.add("x", VotingEngine(RULE))
    with pytest.raises(ProtocolMisuseError, match="not in the pool"):
        pool.tell("y", Draw(0, 0), sample("a"))


def test_what_cannot_be_ranked_or_spent_is_refused():
    with pytest.raises(UsageError, match="values the next sample"):
        Pool(AheadBy(3))
    with pytest.raises(UsageError, match="above 0"):
        Budget(0)
    with pytest.raises(UsageError, match="unit"):
        Budget(1, "beans")
