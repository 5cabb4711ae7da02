"""What can be no number of tokens decides nothing, through every entry point of the chat model."""

import asyncio

import pytest
from langchain_core.messages import AIMessage

from bestofinf import Budget
from bestofinf.evaluation import EvaluationStore
from langchain_bestofinf import AdaptiveEnsembleChat, EvaluationCollector
from support.chat_members import Scripted
from support.hostile import NUMBERS

QUESTIONS = ["2 + 3?", "2 + 4?"]


def member(value):
    """Return a member whose provider tells this as its numbers of tokens."""

    def say(number):
        message = AIMessage("The answer is 5.")
        if value is not None:
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
