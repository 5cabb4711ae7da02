"""Real clients against the endpoint: openai-python, LangChain's ChatOpenAI, LlamaIndex's OpenAILike."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from pydantic import BaseModel

from bestofinf.records import ToolCall
from support.backends import EchoBackend, FunctionBackend
from support.faults import Fault, Faults
from support.reply import Served
from support.served import Endpoint, written
from support.server import LoopbackServer

openai = pytest.importorskip("openai")

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "required": ["a"],
        },
        "strict": True,
    },
}
CALLS = Served(None, tool_calls=(ToolCall("add", {"a": 4}), ToolCall("add", {"a": 5})))
HI = [{"role": "user", "content": "Hi."}]


class Answer(BaseModel):
    a: int


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One endpoint over members that echo, call tools twice, and give objects."""

    def reply(request):
        if request.tools and request.body["messages"][-1]["role"] == "user":
            return CALLS
        return '{"a": 7}' if request.wants_json else f"You said: {request.last_user_text}"

    with LoopbackServer(FunctionBackend(reply)) as members:
        path = written(tmp_path_factory.mktemp("clients") / "e.toml", members.url, heartbeat=0.05)
        with Endpoint(path) as endpoint:
            endpoint.members = members
            yield endpoint


@pytest.fixture(scope="module")
def unhurried(made, tmp_path_factory):
    """The same, where no sign of life comes before the error of a slow machine."""
    path = written(tmp_path_factory.mktemp("unhurried") / "e.toml", made.members.url)
    with Endpoint(path) as endpoint:
        yield endpoint


@pytest.fixture
def client(made):
    made.members.faults = None
    with httpx.Client(trust_env=False) as http:
        yield openai.OpenAI(base_url=made.url, api_key="none", http_client=http, max_retries=2)


def test_openai_reads_a_completion_and_the_vote(client):
    found = client.chat.completions.with_raw_response.create(model="careful", messages=HI)
    body = found.parse()
    assert body.choices[0].message.content == "You said: Hi."
    assert body.bestofinf["n_samples"] == 3
    assert found.headers["x-request-id"] == body.id
    assert body.usage.total_tokens > 0


def test_openai_reads_a_stream_with_signs_of_life(client, made):
    made.members.latency = 0.3
    try:
        chunks = list(
            client.chat.completions.create(
                model="careful", messages=HI, stream=True, stream_options={"include_usage": True}
            )
        )
    finally:
        made.members.latency = 0.0
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == "You said: Hi."
    assert chunks[-1].usage.completion_tokens > 0
    helper = client.chat.completions.stream(model="careful", messages=HI)
    with helper as events:
        final = events.get_final_completion()
    assert final.choices[0].message.content == "You said: Hi."


@pytest.mark.parametrize(
    "choice", ["auto", "required", {"type": "function", "function": {"name": "add"}}]
)
def test_openai_reads_parallel_tool_calls(client, choice):
    asked = {"model": "careful", "messages": HI, "tools": [ADD], "tool_choice": choice}
    message = client.chat.completions.create(**asked, parallel_tool_calls=True).choices[0].message
    assert [c.function.arguments for c in message.tool_calls] == ['{"a":4}', '{"a":5}']
    with client.chat.completions.stream(**asked) as events:
        final = events.get_final_completion().choices[0]
    assert [c.function.arguments for c in final.message.tool_calls] == ['{"a":4}', '{"a":5}']
    assert final.finish_reason == "tool_calls"
    answered = [
        *HI,
        message.model_dump(exclude_none=True),
        *({"role": "tool", "tool_call_id": call.id, "content": "9"} for call in message.tool_calls),
    ]
    last = client.chat.completions.create(model="careful", messages=answered, tools=[ADD])
    assert last.choices[0].message.content == "You said: Hi."


def test_openai_reads_structured_output(client):
    parsed = client.chat.completions.parse(model="careful", messages=HI, response_format=Answer)
    assert parsed.choices[0].message.parsed == Answer(a=7)


def test_openai_reads_several_choices(client):
    assert len(client.chat.completions.create(model="careful", messages=HI, n=3).choices) == 3


def test_openai_lists_the_models(client):
    assert [model.id for model in client.models.list()] == ["careful", "alpha"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.BAD_REQUEST, openai.BadRequestError),
        (Fault.UNAUTHORIZED, openai.AuthenticationError),
        (Fault.QUOTA, openai.RateLimitError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_openai_raises_the_members_errors(client, made, unhurried, fault, kind, stream):
    made.members.faults = Faults.always(fault)
    quick = client.with_options(max_retries=0, base_url=unhurried.url)
    with pytest.raises(kind):
        quick.chat.completions.create(model="careful", messages=HI, stream=stream)


def test_openai_asks_once_for_what_was_paid_in_vain(client, made):
    made.members.faults = Faults.always(Fault.NULL_CONTENT)
    made.members.reset()
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(
            model="careful", messages=HI, extra_body={"bestofinf": {"deadline": 1e-3}}
        )
    assert made.members.counts.started <= 3


def test_openai_raises_an_error_within_a_stream(client, made):
    made.members.latency = 0.5
    try:
        with pytest.raises(openai.APIError, match="deadline"):
            list(
                client.chat.completions.create(
                    model="careful",
                    messages=HI,
                    stream=True,
                    extra_body={"bestofinf": {"deadline": 0.2}},
                )
            )
    finally:
        made.members.latency = 0.0


async def test_openai_may_leave_a_stream(made):
    made.members.faults, made.members.latency = None, 20.0
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            client = openai.AsyncOpenAI(base_url=made.url, api_key="none", http_client=http)

            async def read():
                asked = {"model": "careful", "messages": HI, "stream": True}
                async for _ in await client.chat.completions.create(**asked):
                    pass

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(), 0.5)
        await made.members.until(lambda counts: counts.in_flight == 0, timeout=15.0)
    finally:
        made.members.latency = 0.0


async def test_chat_openai_works(made):
    langchain_openai = pytest.importorskip("langchain_openai")
    made.members.faults = None
    async with httpx.AsyncClient(trust_env=False) as later:
        with httpx.Client(trust_env=False) as now:
            chat = langchain_openai.ChatOpenAI(
                base_url=made.url,
                api_key="none",
                model="careful",
                http_client=now,
                http_async_client=later,
                stream_usage=True,
                use_responses_api=False,
            )
            message = chat.invoke("Hi.")
            assert message.text == "You said: Hi."
            assert message.response_metadata["id"].startswith("chatcmpl-")
            total = None
            async for chunk in chat.astream("Hi."):
                total = chunk if total is None else total + chunk
            assert total.text == "You said: Hi."
            assert total.usage_metadata["output_tokens"] == message.usage_metadata["output_tokens"]
            calls = chat.bind_tools([ADD]).invoke("add").tool_calls
            assert [call["args"] for call in calls] == [{"a": 4}, {"a": 5}]
            found = chat.with_structured_output(Answer, method="json_schema").invoke("a?")
            assert found == Answer(a=7)


async def test_openai_like_works(made):
    like = pytest.importorskip("llama_index.llms.openai_like")
    from llama_index.core.llms import ChatMessage

    made.members.faults = None
    async with httpx.AsyncClient(trust_env=False) as later:
        with httpx.Client(trust_env=False) as now:
            llm = like.OpenAILike(
                api_base=made.url,
                api_key="none",
                model="careful",
                is_chat_model=True,
                is_function_calling_model=True,
                http_client=now,
                async_http_client=later,
            )
            assert llm.chat([ChatMessage("Hi.")]).message.content == "You said: Hi."
            streamed = [part.delta async for part in await llm.astream_chat([ChatMessage("Hi.")])]
            assert "".join(part or "" for part in streamed) == "You said: Hi."
            raw = llm.chat([ChatMessage("Hi.")]).raw
            assert raw.bestofinf["n_samples"] == 3
            assert {body["temperature"] for body in made.members.bodies[-3:]} == {0.1}


def test_openais_own_minimal_request_with_every_field_passes(client):
    client.chat.completions.create(
        model="careful",
        messages=[{"role": "developer", "content": "Be brief.", "name": "x"}, *HI],
        frequency_penalty=-2,
        logit_bias={"foo": 0},
        logprobs=True,
        top_logprobs=0,
        max_completion_tokens=100,
        metadata={"foo": "string"},
        modalities=["text"],
        prediction={"content": "string", "type": "content"},
        presence_penalty=-2,
        prompt_cache_key="k",
        reasoning_effort="low",
        safety_identifier="s",
        seed=-9007199254740991,
        service_tier="auto",
        stop="\n",
        store=True,
        temperature=1,
        top_p=1,
        user="user-1234",
        verbosity="low",
        web_search_options={"search_context_size": "low"},
    )


def test_echo_backends_are_strict():
    """The members of these tests refuse fields that OpenAI does not know, as `bestofinf`."""
    with LoopbackServer(EchoBackend()) as members:
        body = {"model": "alpha", "messages": HI, "bestofinf": {}}
        found = httpx.post(f"{members.url}/chat/completions", json=body, trust_env=False)
        assert found.status_code == 400
