"""Clients that are large to install: Agents SDK, LiteLLM, instructor, pydantic-ai, openai-node.

Each test is skipped where its client is not there. openai-node is looked for in the folder that
``BESTOFINF_NODE`` names, after ``npm install openai`` in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

from bestofinf.records import ToolCall
from support.backends import FunctionBackend
from support.reply import Served
from support.served import Endpoint, written
from support.server import LoopbackServer

pytestmark = [pytest.mark.soak, pytest.mark.filterwarnings("default")]

HI = [{"role": "user", "content": "Hi."}]


class Answer(BaseModel):
    a: int


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    def reply(request):
        if request.tools and request.body["messages"][-1]["role"] == "user":
            name = request.tools[0]["name"]
            return Served(None, tool_calls=(ToolCall(name, {"a": 7}),))
        return '{"a": 7}' if request.wants_json else f"You said: {request.last_user_text}"

    with LoopbackServer(FunctionBackend(reply), latency=0.15) as members:
        path = written(tmp_path_factory.mktemp("clients") / "e.toml", members.url, heartbeat=0.05)
        with Endpoint(path) as endpoint:
            endpoint.members = members
            yield endpoint


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")


@pytest.mark.parametrize("responses", [False, True])
async def test_the_agents_sdk_works(made, responses):
    agents = pytest.importorskip("agents")
    openai = pytest.importorskip("openai")
    agents.set_tracing_disabled(True)
    client = openai.AsyncOpenAI(base_url=made.url, api_key="none")
    kind = agents.OpenAIResponsesModel if responses else agents.OpenAIChatCompletionsModel
    seen = []

    @agents.function_tool
    def add(a: int) -> str:
        """Add."""
        seen.append(a)
        return "9"

    agent = agents.Agent(
        name="a", instructions="Be brief.", model=kind("careful", client), tools=[add]
    )
    found = await agents.Runner.run(agent, "Hi.")
    assert (found.final_output, seen) == ("You said: Hi.", [7])
    plain = agents.Agent(name="b", model=kind("careful", client))
    streamed = agents.Runner.run_streamed(plain, "Hi.")
    async for _ in streamed.stream_events():
        pass
    assert streamed.final_output == "You said: Hi."
    typed = agents.Agent(name="c", model=kind("careful", client), output_type=Answer)
    assert (await agents.Runner.run(typed, "Hi.")).final_output == Answer(a=7)


def test_litellm_works(made):
    litellm = pytest.importorskip("litellm")
    asked = {"model": "openai/careful", "api_base": made.url, "api_key": "none", "messages": HI}
    found = litellm.completion(**asked)
    assert found.choices[0].message.content == "You said: Hi."
    assert found.bestofinf["n_samples"] == 3
    chunks = litellm.completion(**asked, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == "You said: Hi."
    with pytest.raises(litellm.exceptions.NotFoundError):
        litellm.completion(**{**asked, "model": "openai/nobody"})


@pytest.mark.parametrize("mode", ["TOOLS", "JSON"])
def test_instructor_works(made, mode):
    instructor = pytest.importorskip("instructor")
    openai = pytest.importorskip("openai")
    client = instructor.from_openai(
        openai.OpenAI(base_url=made.url, api_key="none"), mode=instructor.Mode[mode]
    )
    found = client.chat.completions.create(model="careful", messages=HI, response_model=Answer)
    assert found.a == 7


async def test_pydantic_ai_works(made):
    ai = pytest.importorskip("pydantic_ai")
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=made.url, api_key="none")
    agent = ai.Agent(OpenAIChatModel("careful", provider=provider))
    assert (await agent.run("Hi.")).output == "You said: Hi."
    async with agent.run_stream("Hi.") as streamed:
        assert await streamed.get_output() == "You said: Hi."
    typed = ai.Agent(OpenAIChatModel("careful", provider=provider), output_type=Answer)
    assert (await typed.run("Hi.")).output == Answer(a=7)


NODE = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none" });
const messages = [{ role: "user", content: "Hi." }];
const found = await client.chat.completions.create({ model: "careful", messages });
if (found.choices[0].message.content !== "You said: Hi.") throw new Error("whole");
if (found.bestofinf.n_samples !== 3) throw new Error("vote");
const stream = client.chat.completions.stream({
  model: "careful", messages, stream_options: { include_usage: true } });
const final = await stream.finalChatCompletion();
if (final.choices[0].message.content !== "You said: Hi.") throw new Error("stream");
if (!(final.usage.completion_tokens > 0)) throw new Error("usage");
const tools = [{ type: "function", function: { name: "add", parameters: { type: "object" } } }];
const called = await client.chat.completions.stream({ model: "careful", messages, tools })
  .finalChatCompletion();
if (called.choices[0].message.tool_calls[0].function.arguments !== '{"a":7}') throw new Error("tool");
const response = await client.responses.create({ model: "careful", input: "Hi." });
if (response.output_text !== "You said: Hi.") throw new Error("response");
try {
  await client.chat.completions.create({ model: "nobody", messages });
  throw new Error("no error");
} catch (error) {
  if (error.status !== 404) throw error;
}
console.log("fine");
"""


def test_openai_node_works(made, tmp_path):
    folder, node = os.environ.get("BESTOFINF_NODE"), shutil.which("node")
    if folder is None or node is None:
        pytest.skip("needs node, and openai in the folder that BESTOFINF_NODE names")
    script = Path(folder) / "bestofinf-check.mjs"
    script.write_text(NODE)
    done = subprocess.run([node, str(script), made.url], capture_output=True, text=True)
    assert done.stdout.strip() == "fine", done.stderr
