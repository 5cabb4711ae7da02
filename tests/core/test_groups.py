"""Settings in groups: one value or mapping for several keywords."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf import FailurePolicy, Failures, Learning, Otherwise, UsageError, VoteSettings
from bestofinf.ensemble.groups import DEFAULTS, GROUPS, ungrouped
from bestofinf.ensemble.settings import CALL_SETTINGS, call_settings, split_settings

VALUES = {
    "failures": Failures(retries=7, quorum=2),
    "launching": VoteSettings(launch="eager", seed=5),
    "otherwise": Otherwise(on_unvotable="medoid", min_confidence=0.5),
    "learning": Learning(explore=0.1),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_stands_for_its_keywords_as_a_value_and_as_a_mapping(group):
    value = VALUES[group]
    flat = {name: getattr(value, name) for name in GROUPS[group]}
    assert ungrouped({group: value, "rule": "fast"}) == {**flat, "rule": "fast"}
    assert ungrouped({group: flat}) == flat
    assert ungrouped({group: {}}) == ungrouped({group: None}) == {}


@given(st.sets(st.sampled_from(sorted(DEFAULTS))))
def test_keywords_alone_stay_as_they_are(names):
    flat = {name: DEFAULTS[name] for name in names}
    assert ungrouped(flat) == flat


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, names in GROUPS.items() for name in names]
)
def test_a_group_and_one_of_its_keywords_together_are_refused(group, name):
    with pytest.raises(UsageError, match=f"{name} belongs to {group}, and both were given"):
        ungrouped({group: VALUES[group], name: DEFAULTS[name]})


def test_a_failure_policy_is_a_group_without_what_only_an_ensemble_has():
    found = ungrouped({"failures": FailurePolicy(retries=0)})
    assert found.keys() == {f.name for f in fields(FailurePolicy)}
    with pytest.raises(UsageError, match="breaker belongs to failures"):
        ungrouped({"failures": FailurePolicy(), "breaker": 3})


@pytest.mark.parametrize("name", ["breaker", "quorum", "abstain_limit"])
def test_what_belongs_to_another_group_is_refused_and_its_group_named(name):
    home = next(group for group, names in GROUPS.items() if name in names)
    with pytest.raises(UsageError, match=f"{name} belongs to {home}: give it there"):
        ungrouped({"launching": VoteSettings(**{name: 3})})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"failures": 3},
            r"failures must be given as FailurePolicy\(\.\.\.\) or as a mapping of .*, got 3",
        ),
        ({"otherwise": VoteSettings()}, "otherwise must be given as Otherwise"),
        ({"learning": {"explor": 1}}, "learning has no 'explor'; it has explore, prices"),
        ({"abstain": True}, "no setting abstain: give on_unvotable='error'"),
    ],
)
def test_what_is_no_group_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        ungrouped(given)


@pytest.mark.parametrize("wrong", [{"breaker": 0}, {"quorum": 0}, {"retries": -1}])
def test_values_out_of_range_are_refused_when_a_group_is_made(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Failures(**wrong)


def test_groups_may_come_with_a_call_but_for_what_is_the_same_for_all_calls():
    settings, rest = split_settings({"failures": Failures(retries=0), "tools": [1]})
    assert settings["retries"] == 0
    assert settings.keys() == set(GROUPS["failures"]) & CALL_SETTINGS
    assert rest == {"tools": [1]}
    with pytest.raises(UsageError, match="cooldown cannot be changed here"):
        split_settings({"failures": Failures(cooldown=1.0)})
    with pytest.raises(UsageError, match="escalate_to cannot be changed here"):
        split_settings({"otherwise": Otherwise(escalate_to="m")})
    assert call_settings({"launching": {"order": "arrival"}}) == {"order": "arrival"}
    with pytest.raises(UsageError, match="unknown setting 'tools'"):
        call_settings({"tools": []})
