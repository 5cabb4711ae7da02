"""What cannot work is refused when it is built, in one line that says what was wanted."""

import math

import pytest

from bestofinf.drivers.health import Health
from bestofinf.ensemble.plan import VotePlan
from bestofinf.errors import UsageError, whole
from bestofinf.policy import FailurePolicy
from bestofinf.records import Member
from bestofinf.rules import parse_rule
from bestofinf.rules.budgets import FixedSamples, MaxCost, MaxSamples, MaxSeconds, MaxTokens
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine
from bestofinf.voting.settings import VoteSettings
from langchain_bestofinf import AdaptiveEnsemble, AdaptiveEnsembleChat
from llamaindex_bestofinf import AdaptiveEnsembleLLM
from support.chat_members import Scripted
from support.llm_members import ScriptedLLM

NAN, INF = math.nan, math.inf
LARGE = 10**400  # a whole number beyond the range of floats
NO_COUNT = [0, -1, 1.5, NAN, "3", None, True]
NO_TIME = [0, -1.0, NAN, INF, LARGE, "soon", True]
NO_SHARE = [-0.1, 1.1, NAN, LARGE, "most"]

# Setting, values that cannot work.
BAD = {
    "max_samples": NO_COUNT,
    "concurrency": NO_COUNT,
    "breaker": NO_COUNT,
    "quorum": NO_COUNT,
    "abstain_limit": [0, -1, 1.5, "3"],
    "warm_up": [-1, 1.5, "few"],
    "retries": [-1, 1.5, "few"],
    "longest_wait": [-1.0, NAN, INF, LARGE, "long"],
    "cooldown": [-1.0, NAN, INF, LARGE, "long"],
    "timeout": NO_TIME,
    "deadline": NO_TIME,
    "on_deadline": ["give up", None],
    "launch": ["fast", 1],
    "waiting": [-1, NAN, LARGE, "long"],
    "order": ["random", None],
    "schedule": ["best", 3],
    "min_confidence": NO_SHARE,
    "seed": ["x", 1.5],
    "rule": ["", "no-such-rule", "ahead-by:votes=0", "balanced|", "fixed:n=x", 3, None, len],
    "answer": ["no-such-answer", 3],
    "selector": ["no-such-selector", 3],
    "scorer": [3],
    "weights": [
        [1.0],
        [1.0, 2.0, 3.0],
        [1.0, -1.0],
        [1.0, NAN],
        [1.0, LARGE],
        [0.0, 0.0],
        ["a", "b"],
        3,
    ],
    "members": [[], None, 3, "x", [None], [3], {"a": 1}],
    "escalate_to": [3],
    "prices": [3, {}, {"a": 1, "b": 1}, {"a": (LARGE, 1), "b": (1, 1)}],
    "max_sample": [3],
}
# pydantic reads these in the adapters, as it does in every model of both frameworks.
READ = {"max_samples", "concurrency", "breaker", "quorum", "abstain_limit", "warm_up", "retries"}
READ |= {"longest_wait", "cooldown", "timeout", "deadline", "min_confidence"}


def is_read(name, value):
    return name in READ and (value is True or (isinstance(value, str) and value.isdigit()))


CASES = [
    pytest.param(name, value, id=f"{name}={value!r}")
    for name, values in BAD.items()
    for value in values
    if not is_read(name, value)
]


def chat(**settings):
    members = [Scripted(replies=["4"], model_name=name) for name in "ab"]
    return AdaptiveEnsembleChat(**{"members": members, **settings})


def chain(**settings):
    members = [Scripted(replies=["4"], model_name=name) for name in "ab"]
    return AdaptiveEnsemble(**{"members": members, **settings})


def llm(**settings):
    members = [ScriptedLLM("4", model=name) for name in "ab"]
    return AdaptiveEnsembleLLM(**{"members": members, **settings})


@pytest.mark.parametrize("make", [chat, chain, llm])
@pytest.mark.parametrize(("name", "value"), CASES)
def test_an_ensemble_refuses_what_cannot_work(make, name, value):
    if make is chain and name == "escalate_to":
        pytest.skip("a chain may escalate to anything that can be made a runnable")
    with pytest.raises(UsageError) as caught:
        make(**{name: value})
    message = str(caught.value)
    assert message
    assert len(message) < 600
    assert "\n" not in message


MADE_WITH = Member(None, name="m")
CORE = [
    (VoteSettings, {"launch": "fast"}),
    (VoteSettings, {"order": None}),
    (VoteSettings, {"schedule": "best"}),
    *[(VoteSettings, {name: v}) for name in ("breaker", "quorum") for v in NO_COUNT],
    *[(VoteSettings, {"abstain_limit": v}) for v in (0, -1, 1.5, "3", True)],
    *[(VoteSettings, {"warm_up": v}) for v in (-1, 1.5, "3", None, True)],
    *[(FailurePolicy, {name: v}) for name in ("timeout", "deadline") for v in NO_TIME],
    *[(FailurePolicy, {"retries": v}) for v in (-1, 1.5, "3", None, True)],
    *[(FailurePolicy, {"longest_wait": v}) for v in (-1, NAN, INF, "long", None)],
    (FailurePolicy, {"on_deadline": "give up"}),
    (FailurePolicy, {"retry_on": 429}),
    *[(Health, {"members": 1, "cooldown": v}) for v in (-1, NAN, INF, "long", None)],
    *[(Member, {"model": None, "weight": v}) for v in (-1, NAN, INF, "1", None, True)],
    *[(Member, {"model": None, "cost": v}) for v in (0, -1, NAN, INF, "1", None)],
    *[(Member, {"model": None, "concurrency": v}) for v in (0, -1, 1.5, "1", True)],
    *[
        (Member, {"model": None, "price": v})
        for v in (3, None, (1,), (1, 2, 3), (1, -1), (1, NAN), ("1", "2"), "12")
    ],
    *[(rule, {"n": v}) for rule in (MaxSamples, MaxTokens, FixedSamples) for v in NO_COUNT],
    *[(MaxCost, {"amount": v}) for v in (0, -1, NAN, INF, "1", None)],
    *[(MaxSeconds, {"seconds": v}) for v in (0, -1, NAN, INF, "1", None)],
    (VotingEngine, {"rule": "balanced"}),
    (VotingEngine, {"rule": AheadBy(1), "members": []}),
    (VotingEngine, {"rule": AheadBy(1), "members": [0.0]}),
    (VotingEngine, {"rule": AheadBy(1), "members": [-1.0]}),
    (VotingEngine, {"rule": AheadBy(1), "quorum": 0}),
    (VotingEngine, {"rule": AheadBy(1), "left_out": {0}}),
    *[(whole, {"name": "concurrency", "value": v}) for v in NO_COUNT],
    *[(parse_rule, {"text": v}) for v in ("", "x", "fixed", "fixed:n=-1", "fixed:m=1", "(fixed")],
    (VotePlan.make, {"members": []}),
    (VotePlan.make, {"members": [MADE_WITH], "weights": [1, 2]}),
    (VotePlan.make, {"members": [MADE_WITH], "weights": {"other": 1}}),
    (VotePlan.make, {"members": [MADE_WITH], "weights": {"m": "heavy"}}),
    (VotePlan.make, {"members": [MADE_WITH], "weights": "heavy"}),
    (VotePlan.make, {"members": [MADE_WITH], "rule": "max-cost:amount=1"}),
]


@pytest.mark.parametrize(
    ("make", "settings"), [pytest.param(*case, id=f"{case[0].__name__}-{case[1]}") for case in CORE]
)
def test_the_core_refuses_what_cannot_work(make, settings):
    with pytest.raises(UsageError) as caught:
        make(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [chat, llm])
@pytest.mark.parametrize(
    "change", [{"quorum": 0}, {"deadline": -1}, {"rule": "x"}, {"max_samples": 0}, {"retry": 3}]
)
def test_a_change_for_one_call_is_checked_before_anything_is_asked(make, change):
    model = make()
    with pytest.raises(UsageError):
        model.plan(**change)
