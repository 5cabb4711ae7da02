"""What can be no number of tokens decides nothing, through every entry point of the LLM."""

import asyncio

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse

from bestofinf.evaluation import EvaluationStore
from llamaindex_bestofinf import AdaptiveEnsembleLLM, EvaluationCollector
from support.hostile import NUMBERS
from support.llm_members import ScriptedLLM

QUESTIONS = ["2 + 3?", "2 + 4?"]


class Odd(ScriptedLLM):
    """A member whose provider tells a value as each of its numbers of tokens."""

    value: object = None

    def _response(self, message):
        raw = {"choices": [{"finish_reason": "stop"}]}
        if self.value is not None:
            names = ("prompt_tokens", "completion_tokens", "total_tokens")
            raw["usage"] = dict.fromkeys(names, self.value)
        return ChatResponse(message=message, raw=raw)


def chat(question):
    return [ChatMessage(role="user", content=question)]


async def _last(stream):
    return [response async for response in await stream][-1]


WAYS = {
    "chat": lambda model, q: model.chat(chat(q)),
    "achat": lambda model, q: asyncio.run(model.achat(chat(q))),
    "stream_chat": lambda model, q: list(model.stream_chat(chat(q)))[-1],
    "astream_chat": lambda model, q: asyncio.run(_last(model.astream_chat(chat(q)))),
    "complete": lambda model, q: model.complete(q),
    "acomplete": lambda model, q: asyncio.run(model.acomplete(q)),
    "stream_complete": lambda model, q: list(model.stream_complete(q))[-1],
}


def decided(way, value, url):
    """Return what was decided, and how many samples the collector wrote."""
    members = [Odd("The answer is 5.", value=value), ScriptedLLM("5")]
    rule = "fixed:n=4|max-tokens:n=1000"
    model = AdaptiveEnsembleLLM(members=members, rule=rule, seed=1, concurrency=1)
    with EvaluationCollector(url).attach() as collector:
        responses = [WAYS[way](model, question) for question in QUESTIONS]
    assert collector.stats.rejected == collector.stats.errors == collector.stats.lost == 0
    told = [response.additional_kwargs["bestofinf"] for response in responses]
    with EvaluationStore(url, readonly=True) as store:
        status = store.status()
    return [(t["answer"], t["votes"], t["n_failed"]) for t in told], status.samples


@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_number_of_tokens_is_as_none(tmp_path, way):
    expected = decided(way, None, str(tmp_path / "none.db"))
    assert expected[0][0][0] == "5"
    for number, value in enumerate(NUMBERS):
        assert decided(way, value, str(tmp_path / f"{number}.db")) == expected, value
