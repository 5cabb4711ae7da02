"""Models that LangChain knows by name, as members of ensembles without a framework."""

from importlib.metadata import entry_points

import pytest

from bestofinf.ensemble.chat import ChatModel
from bestofinf.errors import UsageError
from bestofinf.records import ToolCall
from langchain_bestofinf.named import named_model
from support.backends import ScriptedBackend
from support.reply import Served

pytest.importorskip("langchain_openai")
BODY = {"messages": [{"role": "system", "content": "Add."}, {"role": "user", "content": "6 * 7?"}]}


def model(server, **options):
    return named_model("openai:alpha", base_url=server.url, api_key="none", **options)


@pytest.mark.blocks("it asks in blocking code too")
async def test_a_named_model_takes_a_body_and_gives_a_reading(serve):
    server = serve(ScriptedBackend(["The answer is 42."], cycle=True))
    found = model(server, temperature=0.5)
    assert isinstance(found, ChatModel)
    for reading in (found.send(BODY | {"seed": 3}), await found.asend(BODY | {"seed": 3})):
        assert reading.reply.text == "The answer is 42."
        assert (reading.input_tokens, reading.output_tokens) == (4, 4)
    for body in server.bodies:
        assert (body["model"], body["temperature"], body["seed"]) == ("alpha", 0.5, 3)
        assert body["messages"] == BODY["messages"]


def test_tools_go_with_the_body_and_calls_come_back(serve):
    server = serve(ScriptedBackend([Served(None, tool_calls=(ToolCall("add", {"a": 4}, "one"),))]))
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    reading = model(server).send(BODY | {"tools": [tool]})
    assert reading.reply.tool_calls == (ToolCall("add", {"a": 4}, "one"),)
    assert server.bodies[0]["tools"] == [tool]


@pytest.mark.parametrize("name", ["nonsense", "nobody:nothing", "qwen3:8b"])
def test_names_of_no_provider_are_left_to_others(name):
    assert named_model(name) is None


def test_what_a_provider_misses_is_one_line(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        named_model("openai:gpt-5-mini")
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="pip install"):
        named_model("ibm:granite")


def test_the_adapter_offers_its_models_where_it_is_installed(serve):
    points = list(entry_points(group="bestofinf.models"))
    if not points:
        pytest.skip("this distribution is not installed")
    (make,) = (point.load() for point in points if point.name == "langchain")
    assert make is named_model
