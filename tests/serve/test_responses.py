"""``/v1/responses``: the Responses form without a memory, by openai-python and by hand."""

from __future__ import annotations

import httpx
import pytest
from pydantic import BaseModel

from bestofinf.records import ToolCall
from support.backends import FunctionBackend
from support.faults import Fault, Faults
from support.reply import Served
from support.served import Endpoint, written
from support.server import LoopbackServer

openai = pytest.importorskip("openai")

ADD = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "strict": False,
}


class Answer(BaseModel):
    a: int


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    def reply(request):
        if request.tools and request.body["messages"][-1]["role"] == "user":
            return Served(None, tool_calls=(ToolCall("add", {"a": 4}), ToolCall("add", {"a": 5})))
        said = f"You said: {request.last_user_text}"
        return (
            '{"a": 7}' if request.wants_json else Served(said, extra={"reasoning_content": "Hm."})
        )

    with LoopbackServer(FunctionBackend(reply)) as members:
        path = written(tmp_path_factory.mktemp("responses") / "e.toml", members.url, heartbeat=0.05)
        with Endpoint(path) as endpoint:
            endpoint.members = members
            yield endpoint


@pytest.fixture
def client(made):
    made.members.faults, made.members.latency = None, 0.0
    made.members.reset()
    with httpx.Client(trust_env=False) as http:
        yield openai.OpenAI(base_url=made.url, api_key="none", http_client=http, max_retries=0)


@pytest.mark.parametrize("model", ["careful", "alpha"])
def test_a_text_is_answered_whole_and_as_a_stream(client, made, model):
    found = client.responses.create(model=model, input="Hi.", instructions="Be brief.")
    assert (found.output_text, found.status) == ("You said: Hi.", "completed")
    assert found.id.startswith("resp_")
    assert found.usage.total_tokens == found.usage.input_tokens + found.usage.output_tokens > 0
    assert made.members.bodies[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi."},
    ]
    made.members.latency = 0.2
    with client.responses.stream(model=model, input="Hi.") as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert final.output_text == "You said: Hi."
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert {"response.output_text.delta", "response.output_item.done"} <= set(kinds)


def test_tools_are_called_and_their_results_go_back(client, made):
    asked = {"model": "careful", "tools": [ADD, {"type": "web_search"}], "store": False}
    question = {"role": "user", "content": [{"type": "input_text", "text": "add"}]}
    found = client.responses.create(**asked, input=[question], tool_choice="required")
    calls = [item for item in found.output if item.type == "function_call"]
    assert [call.arguments for call in calls] == ['{"a":4}', '{"a":5}']
    with client.responses.stream(**asked, input=[question]) as events:
        assert [item.type for item in events.get_final_response().output] == ["function_call"] * 2
    items = [question, *(call.model_dump(exclude_none=True) for call in calls)]
    items += [
        {"type": "function_call_output", "call_id": call.call_id, "output": "9"} for call in calls
    ]
    made.members.reset()
    assert client.responses.create(**asked, input=items).output_text == "You said: add"
    roles = [message["role"] for message in made.members.bodies[0]["messages"]]
    assert roles == ["user", "assistant", "tool", "tool"]
    assert len(made.members.bodies[0]["messages"][1]["tool_calls"]) == 2


def test_an_object_is_parsed(client):
    found = client.responses.parse(model="careful", input="a?", text_format=Answer)
    assert found.output_parsed == Answer(a=7)


def test_what_needs_a_memory_is_refused_in_words(client):
    with pytest.raises(openai.BadRequestError, match="whole conversation"):
        client.responses.create(model="careful", input="Hi.", previous_response_id="resp_1")
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="nobody", input="Hi.")


def test_errors_are_told_early_by_a_status_and_late_within_the_stream(client, made):
    made.members.faults = Faults.always(Fault.UNAUTHORIZED)
    with pytest.raises(openai.AuthenticationError):
        client.responses.create(model="careful", input="Hi.")
    made.members.faults, made.members.latency = None, 0.6
    late = {"bestofinf": {"deadline": 0.3}}
    with pytest.raises(openai.APIError, match="deadline"):
        list(client.responses.create(model="careful", input="Hi.", stream=True, extra_body=late))


def test_a_reply_that_is_cut_off_is_incomplete(endpoint):
    made = endpoint(FunctionBackend(lambda r: Served("The answer", finish_reason="length")))
    found = made.http.post("/responses", json={"model": "alpha", "input": "Hi."}).json()
    assert found["status"] == "incomplete"
    assert found["incomplete_details"] == {"reason": "max_output_tokens"}
