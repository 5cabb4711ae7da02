"""What can be no number of tokens decides nothing, through every entry point of the chat model."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from bestofinf import Budget
from bestofinf.evaluation import EvaluationStore
from langchain_bestofinf import AdaptiveEnsembleChat, EvaluationCollector
from support.chat_members import Scripted
from support.hostile import NUMBERS

QUESTIONS = ["2 + 3?", "2 + 4?"]


@dataclass(frozen=True)
class Whole:
    """All that a provider tells of its usage, which may be anything."""

    usage: object


def member(value):
    """Return a member whose provider tells this as its numbers of tokens."""

    def say(number):
        message = AIMessage("The answer is 5.")
        if isinstance(value, Whole):
            message.usage_metadata = value.usage
        elif value is not None:
            message.usage_metadata = dict.fromkeys(
                ("input_tokens", "output_tokens", "total_tokens"), value
            )
        return message

    return Scripted(replies=say, tokens=None, model_name="odd")


WAYS = {
    "invoke": lambda model, config: [model.invoke(q, config) for q in QUESTIONS],
    "ainvoke": lambda model, config: [asyncio.run(model.ainvoke(q, config)) for q in QUESTIONS],
    "stream": lambda model, config: [_joined(model.stream(q, config)) for q in QUESTIONS],
    "batch": lambda model, config: model.batch(QUESTIONS, config),
    "samples": lambda model, config: model.batch(QUESTIONS, config, budget=8),
    "tokens": lambda model, config: model.batch(QUESTIONS, config, budget=Budget(40, "tokens")),
}


def _joined(chunks):
    first, *rest = chunks
    for chunk in rest:
        first += chunk
    return first


def decided(way, value, url):
    """Return what was decided, and how many samples the collector wrote."""
    rule = "balanced" if way in ("samples", "tokens") else "fixed:n=4"
    members = [member(value), Scripted(replies=["5"])]
    model = AdaptiveEnsembleChat(members, rule=rule, max_samples=6, seed=1, concurrency=1)
    with EvaluationCollector(url) as collector:
        messages = WAYS[way](model, {"callbacks": [collector]})
    assert collector.stats.rejected == collector.stats.errors == collector.stats.lost == 0
    told = [message.response_metadata["bestofinf"] for message in messages]
    with EvaluationStore(url, readonly=True) as store:
        status = store.status()
    return [(t["answer"], t["votes"], t["n_failed"]) for t in told], status.samples


@pytest.mark.filterwarnings("ignore::bestofinf.batches.UnboundBudgetWarning")
@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_number_of_tokens_is_as_none(tmp_path, way):
    expected = decided(way, None, tmp_path / "none.db")
    assert expected[0][0][0] == "5"
    for number, value in enumerate(NUMBERS):
        assert decided(way, value, tmp_path / f"{number}.db") == expected, value


@pytest.mark.filterwarnings("ignore::bestofinf.batches.UnboundBudgetWarning")
@pytest.mark.parametrize("way", ["invoke", "stream", "tokens"])
@pytest.mark.parametrize(
    "value", [7, "7", [7], np.arange(3), Decimal("NaN"), {"a": {"b": 7}}], ids=repr
)
def test_so_is_what_holds_no_numbers_at_all(tmp_path, way, value):
    expected = decided(way, None, tmp_path / "none.db")
    assert decided(way, Whole(value), tmp_path / "odd.db") == expected


@pytest.mark.parametrize("kind", [int, float, np.int64, np.float32, np.uint8], ids=repr)
def test_a_whole_number_of_any_kind_is_summed_as_one(kind):
    details = {"input_token_details": {"cache_read": kind(2)}, "total_cost": kind(1)}
    usage = {"input_tokens": kind(3), "output_tokens": kind(4), "total_tokens": kind(7), **details}
    model = AdaptiveEnsembleChat([member(Whole(usage))], rule="fixed:n=2", usage="all")
    told = model.invoke("2 + 3?").usage_metadata
    assert {name: told[name] for name in ("input_tokens", "output_tokens")} == {
        "input_tokens": 6,
        "output_tokens": 8,
    }
    assert told["input_token_details"] == {"cache_read": 4}
    assert all(
        type(told[name]) is int for name in ("input_tokens", "output_tokens", "total_tokens")
    )
