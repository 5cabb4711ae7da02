"""Rules joined by | and & at any depth: nothing within is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import Member, Reply, Sample, Usage, UsageError, VotePlan, vote
from bestofinf.batches.pool import indexed
from bestofinf.rules import (
    AheadBy,
    AllOf,
    AnyOf,
    FixedSamples,
    MaxCost,
    MaxSamples,
    MaxTokens,
    OptimalStopping,
    OptScale,
    StopRule,
    Verdict,
    parse_rule,
)
from bestofinf.rules.tally import Tally
from bestofinf.voting.selectors import BestScore

PRICED = Member(None, name="m", price=(1e-6, 1e-6))
LOOKS = (AheadBy(2), OptimalStopping(), OptScale())
BUDGETS = (FixedSamples(4), MaxSamples(3), MaxTokens(40), MaxCost(1e-5))


def nested(singles):
    """Return rules joined by constructors, so that | may stand directly within |."""
    return st.recursive(
        st.sampled_from(singles),
        lambda inner: st.builds(
            lambda kind, rules: kind(tuple(rules)),
            st.sampled_from([AnyOf, AllOf]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=8,
    )


@given(nested(LOOKS + BUDGETS), st.sampled_from(LOOKS + BUDGETS), st.booleans())
def test_parts_are_the_single_rules_at_any_depth_in_the_order_of_the_text(rule, more, either):
    joined = rule | more if either else rule & more
    assert [*joined.parts()] == [*rule.parts(), more]
    named = [part for part in LOOKS + BUDGETS if str(part) in str(rule)]
    assert set(rule.parts()) == set(named)
    assert list(more.parts()) == [more]


@given(nested(LOOKS + BUDGETS))
def test_selector_index_and_limits_on_cost_are_found_at_any_depth(rule):
    parts = list(rule.parts())
    plan = VotePlan.make([PRICED], rule=rule)
    assert isinstance(plan.selector, BestScore) == any(isinstance(p, OptScale) for p in parts)
    with_values = [part for part in parts if isinstance(part, OptimalStopping)]
    if with_values:
        assert indexed(plan.rule) == with_values[0]
    else:
        with pytest.raises(UsageError, match="values the next sample"):
            indexed(plan.rule)
    if MaxCost(1e-5) in parts:
        with pytest.raises(UsageError, match="max-cost would never stop"):
            VotePlan.make([Member(None, name="m")], rule=rule)


def spent(rule, tally):
    """Return whether a rule stops if those that look at votes never do."""
    if isinstance(rule, AnyOf):
        return any(spent(inner, tally) for inner in rule.rules)
    if isinstance(rule, AllOf):
        return all(spent(inner, tally) for inner in rule.rules)
    return rule in BUDGETS and rule.check(tally) is not None


@given(nested((AheadBy(2), *BUDGETS)), st.integers(0, 6), st.integers(0, 60))
def test_the_budget_of_a_rule_is_what_stops_whatever_the_votes_say(rule, votes, tokens):
    tally = Tally([1.0])
    tally.spend(tokens=tokens, cost=tokens * 1e-6)
    for _ in range(votes):
        tally.vote("a", member=0)
    budget = rule.budget()
    assert (budget is not None and budget.check(tally) is not None) == spent(rule, tally)


@given(nested((AheadBy(1), *BUDGETS)))
def test_short_of_the_quorum_a_budget_ends_a_vote_at_any_depth(rule):
    plan = VotePlan.make([PRICED], rule=rule, quorum=9, max_samples=12, concurrency=1)
    engine = plan.engine()
    while not engine.done:
        draws = engine.ask(1)
        assert draws, "a vote that is not done and has nothing in flight must ask for something"
        for draw in draws:
            engine.tell(draw, Sample("a", Reply("a"), tokens=15, usage=Usage(0, 15, 15e-6)))
    counted = engine.tally.n_samples
    if rule.budget() is None:
        assert counted == 9
    else:
        assert spent(rule, engine.tally) or counted == 9


@pytest.mark.parametrize(
    "rule",
    [
        "optscale&fixed:n=4",
        "optscale&fixed:n=4|max-tokens:n=10000",
        "(optscale&fixed:n=4|max-tokens:n=10000)&fixed:n=2|max-samples:n=9",
    ],
)
def test_best_of_four_elects_by_score_whatever_budget_is_added(rule):
    replies = iter([("A", 0.2), ("A", 0.2), ("A", 0.2), ("B", 0.9)])

    def sample(draw):
        answer, score = next(replies)
        return Sample(answer, Reply(answer), score=score)

    plan = VotePlan.make([Member(None, name="m")], rule=rule, max_samples=4)
    assert vote(plan.engine(), sample, concurrency=1).answer == "B"


def test_a_budget_that_only_holds_another_rule_back_ends_no_vote():
    assert parse_rule("ahead-by&fixed:n=4").budget() is None
    assert parse_rule("max-tokens:n=9&fixed:n=4").budget() is not None


def test_rules_joined_alike_are_one_rule():
    flat = AheadBy(2) | FixedSamples(3) | MaxTokens(9)
    assert AnyOf((AheadBy(2), AnyOf((FixedSamples(3), MaxTokens(9))))) == flat
    assert parse_rule(str(flat)) == flat


@pytest.mark.parametrize("rules", [(), (AheadBy(2), "fixed:n=3")])
def test_only_rules_are_joined_and_at_least_one(rules):
    with pytest.raises(UsageError, match=r"at least one rule|joined with rules"):
        AllOf(rules)


def test_a_rule_that_wraps_another_may_hand_on_its_parts():
    class Patient(StopRule):
        name = "patient"

        def check(self, tally: Tally) -> Verdict | None:
            return OptScale().check(tally) if tally.n_samples > 5 else None

        def parts(self):
            yield from OptScale().parts()

    assert isinstance(VotePlan.make([PRICED], rule=Patient() | MaxTokens(9)).selector, BestScore)
