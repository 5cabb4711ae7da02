"""Rules as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import UsageError
from bestofinf.rules import (
    RULES,
    AdaptiveConsistency,
    AheadBy,
    AllOf,
    AnyOf,
    BestOfInfinity,
    FirstTo,
    FixedSamples,
    MaxCost,
    MaxSamples,
    OptimalStopping,
    UnanimousWindow,
    parse_rule,
)

singles = st.one_of(
    st.builds(
        OptimalStopping, st.floats(1e-6, 0.5), price_per=st.sampled_from(["sample", "token"])
    ),
    st.builds(BestOfInfinity, st.floats(1, 1e9), prior=st.sampled_from(["paper", "authors"])),
    st.builds(AheadBy, st.integers(1, 99)),
    st.builds(FirstTo, st.integers(1, 99)),
    st.builds(UnanimousWindow, st.integers(2, 9), st.booleans()),
    st.builds(AdaptiveConsistency, st.floats(0.5, 0.99)),
    st.builds(FixedSamples, st.integers(1, 99)),
    st.builds(MaxCost, st.floats(1e-9, 1e9)),
)
rules = st.recursive(
    singles,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a | b, inner, inner), st.builds(lambda a, b: a & b, inner, inner)
    ),
    max_leaves=5,
)


@given(rules)
def test_text_of_a_rule_gives_the_rule_back(rule):
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("optimal", OptimalStopping()),
        ("optimal:price=.0033|max-samples:n=64", OptimalStopping(0.0033) | MaxSamples(64)),
        ("fast", OptimalStopping.fast()),
        ("frugal", FirstTo(2)),
        ("frugal:votes=3|max-samples:n=9", FirstTo(3) | MaxSamples(9)),
        ("thorough:price_per=token", OptimalStopping(0.0017, price_per="token")),
        (" ahead-by : votes = 4 ", AheadBy(4)),
        ("ahead-by & fixed:n=3 | fixed:n=9", AnyOf((AllOf((AheadBy(), FixedSamples(3))), FixedSamples(9)))),
        ("(ahead-by|fixed:n=3)&window:sliding=true", AllOf((AheadBy() | FixedSamples(3), UnanimousWindow(sliding=True)))),
    ],
)  # fmt: skip
def test_rules_are_read_as_documented(text, rule):
    assert parse_rule(text) == rule


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_goes_by_its_name(name):
    needs = {"fixed": "n=3", "max-samples": "n=3", "max-tokens": "n=3", "max-cost": "amount=1.5", "max-seconds": "seconds=2.0"}  # fmt: skip
    text = f"{name}:{needs[name]}" if name in needs else name
    assert parse_rule(text).name == name
    assert str(parse_rule(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a rule is missing"),
        ("ahead-by|", "a rule is missing"),
        ("ahead-by||fixed:n=3", "a rule is missing before '|'"),
        ("(ahead-by", "a parenthesis is not closed"),
        ("ahead-by)", "unexpected ')'"),
        ("magic", "unknown rule 'magic': choose from optimal, best-of-infinity"),
        ("optimal:prize=1", "no setting 'prize=1': write price=VALUE"),
        ("optimal:price", "no setting 'price'"),
        ("optimal:price=cheap", "price must be a number, got 'cheap'"),
        ("optimal:price=7", "price must lie in (0, 1), got 7.0"),
        ("optimal:price_per=day", "price_per must be one of sample, token, money, got 'day'"),
        ("window:sliding=maybe", "sliding must be true or false"),
        ("ahead-by:votes=2.5", "votes must be a whole number, got '2.5'"),
        ("fixed", "needs n=VALUE"),
    ],
)
def test_wrong_rules_are_refused_in_one_line(text, message):
    with pytest.raises(UsageError) as caught:
        parse_rule(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
