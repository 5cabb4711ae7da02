"""Chat completions, whole: a vote behind a model name."""

from __future__ import annotations

import pytest

from bestofinf.records import ToolCall
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.faults import Fault, Faults
from support.reply import Served

VOTES = ["The answer is 7.", "The answer is 8.", "The answer is 7."]
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


def test_the_winner_is_returned_with_the_vote(endpoint):
    found = endpoint(ScriptedBackend(VOTES)).ask("3 + 4?")
    body = found.json()
    assert found.status_code == 200
    assert body["choices"][0]["message"]["content"] == "The answer is 7."
    assert (body["object"], body["model"]) == ("chat.completion", "careful")
    assert body["bestofinf"]["votes"] == {"7": 2, "8": 1}
    assert body["bestofinf"]["answer"] == "7"
    assert "samples" not in body["bestofinf"]
    assert found.headers["x-request-id"] == body["id"]
    assert found.headers["x-bestofinf-samples"] == "3"


def test_usage_is_the_winners_own_and_that_of_all_is_told_beside(endpoint):
    made = endpoint(ScriptedBackend(VOTES))
    body = made.ask().json()
    counts = made.members.counts
    spent = body["bestofinf"]["usage"]
    assert spent["completion_tokens"] == counts.completion_tokens
    assert spent["prompt_tokens"] == counts.prompt_tokens
    assert spent["calls"] == 3
    assert body["usage"]["completion_tokens"] * 3 == counts.completion_tokens
    made.members.reset()
    everything = made.ask(bestofinf={"usage": "all"}).json()["usage"]
    assert everything["completion_tokens"] == made.members.counts.completion_tokens
    assert everything["total_tokens"] == spent["completion_tokens"] + spent["prompt_tokens"]


def test_what_a_member_is_sent_is_what_the_client_sent(endpoint):
    made = endpoint(EchoBackend())
    sent = {
        "seed": 2**63 - 1,
        "stop": ["\n\n"],
        "logit_bias": {},
        "user": None,
        "temperature": 0.3,
        "metadata": {"question": "q-7"},
        "verbosity": "low",
        "max_completion_tokens": 50,
    }
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]
    body = {"model": "careful", "messages": messages, "bestofinf": {"question": "q-8"}, **sent}
    found = made.http.post("/chat/completions", json=body)
    assert found.status_code == 200, found.text
    for body in made.members.bodies:
        assert body.pop("seed") in (2**63 - 1, 2**63 - 2, 2**63 - 3)
        assert body == {
            "model": "alpha",
            "messages": messages,
            **{name: value for name, value in sent.items() if name != "seed"},
        }
    assert len(made.members.bodies) == 3


def test_tool_calls_are_voted_on_before_they_are_returned(endpoint):
    calls = iter([4, 5, 4])
    backend = FunctionBackend(
        lambda r: Served(None, tool_calls=(ToolCall("add", {"a": next(calls)}),))
    )
    choice = endpoint(backend).ask("add 4", tools=[ADD]).json()["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "add", "arguments": '{"a":4}'}
    assert choice["finish_reason"] == "tool_calls"


def test_objects_are_voted_on_where_they_are_asked_for(endpoint):
    backend = ScriptedBackend(['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 3}'])
    body = endpoint(backend).ask("as json?", response_format={"type": "json_object"}).json()
    assert body["bestofinf"]["votes"] == {'{"a":1,"b":2}': 2, '{"a":3}': 1}


def test_n_choices_are_n_samples_without_a_vote(endpoint):
    made = endpoint(ScriptedBackend(["no number", *VOTES]))
    body = made.ask(n=4).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    said = [choice["message"]["content"] for choice in body["choices"]]
    assert said == ["no number", *VOTES]
    assert body["usage"]["completion_tokens"] == made.members.counts.completion_tokens
    assert made.ask(n=65).json()["error"]["param"] == "n"


def test_a_request_may_ask_for_less_and_not_for_more(endpoint):
    made = endpoint(ScriptedBackend(["no number"], cycle=True), ensemble="max_samples = 4\n")
    for wanted, most in ({"rule": "fixed:n=2"}, 2), ({"rule": "fixed:n=50"}, 4):
        made.members.reset()
        assert made.ask(bestofinf={**wanted, "trace": "counts"}).status_code == 200
        assert made.members.counts.started <= most
    refused = made.ask(bestofinf={"rule": "nonsense"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "bestofinf.rule")
    assert made.ask(bestofinf={"retries": 9}).status_code == 400
    assert "bestofinf" not in made.ask(bestofinf={"trace": "off"}).json()


def test_the_file_may_forbid_what_requests_want(endpoint):
    made = endpoint(ScriptedBackend(VOTES, cycle=True), serve='allow = ["question"]')
    assert made.ask(bestofinf={"rule": "fast"}).status_code == 400
    assert made.ask(bestofinf={"question": "q"}).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault.BAD_REQUEST, 400, None),
        (Fault.UNAUTHORIZED, 401, "invalid_api_key"),
        (Fault.RATE_LIMIT_RETRY_AFTER, 429, "rate_limit_exceeded"),
        (Fault.UNAVAILABLE, 503, "overloaded"),
        (Fault.SERVER_ERROR, 502, "members_failed"),
        (Fault.RESET, 502, "members_failed"),
        (Fault.WRONG_CONTENT_TYPE, 502, "members_failed"),
    ],
)
def test_errors_have_the_status_that_the_members_have_in_common(endpoint, fault, status, code):
    faults = Faults(1.0, (fault,), retry_after=0.01)
    made = endpoint(EchoBackend(), faults=faults, ensemble="retries = 0\nlongest_wait = 0.01\n")
    found = made.ask()
    error = found.json()["error"]
    assert (found.status_code, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code"}
    assert "127.0.0.1" not in found.text
    if status == 429:
        assert int(found.headers["retry-after"]) >= 0


def test_a_context_that_is_too_long_stays_what_it_is_and_is_asked_once(endpoint):
    made = endpoint(EchoBackend(), faults=Faults.always(Fault.BAD_REQUEST), rule="fixed:n=9")
    found = made.ask()
    assert "maximum context length" in found.json()["error"]["message"]
    assert made.members.counts.started <= 2


def test_what_was_paid_for_in_vain_is_not_tried_again(endpoint):
    free = "One could say many things about this, and each of them in many words. " * 4
    made = endpoint(
        ScriptedBackend([free, free[9:]], cycle=True), ensemble='on_unvotable = "error"\n'
    )
    found = made.ask()
    assert (found.status_code, found.json()["error"]["code"]) == (422, "no_consensus")
    assert found.headers["x-should-retry"] == "false"


def test_a_deadline_is_told_and_not_tried_again(endpoint, serve):
    server = serve(EchoBackend(), latency=5.0)
    found = endpoint(None, server=server, ensemble="deadline = 0.1\n").ask()
    assert (found.status_code, found.json()["error"]["code"]) == (422, "deadline_exceeded")
    assert found.headers["x-should-retry"] == "false"


def test_the_client_is_answered_before_it_gives_up(endpoint, serve):
    server = serve(EchoBackend(), latency=5.0)
    found = endpoint(None, server=server).ask(headers={"x-stainless-read-timeout": "0.4"})
    assert found.json()["error"]["code"] == "deadline_exceeded"


def test_temperature_0_is_told_or_raised(endpoint):
    made = endpoint(EchoBackend(), ensemble="temperature = 0.7\n")
    assert made.ask(temperature=0.1).json()["bestofinf"]["notes"] == [
        "a member's replies are all the same: a cache, a seed or temperature 0"
    ]
    assert {body["temperature"] for body in made.members.bodies} == {0.7}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"nonsense", None),
        (b"[1]", None),
        (b'{"model": "careful"}', "messages"),
        (b'{"model": "careful", "messages": "hi"}', "messages"),
        (b'{"model": "careful", "messages": [{}]}', "messages[0].role"),
        (b'{"model": "careful", "messages": [{"role": "boss"}]}', "messages[0].role"),
        (b'{"messages": [{"role": "user", "content": "hi"}]}', "model"),
        (b"[" * 100_000, None),
        (b'{"model": ' + b"9" * 10_000 + b"}", None),
        (b"\xff\xfe{}", None),
    ],
)
def test_a_body_that_is_none_is_400(endpoint, body, param):
    found = endpoint(EchoBackend()).http.post("/chat/completions", content=body)
    assert (found.status_code, found.json()["error"]["param"]) == (400, param)
    assert found.json()["error"]["type"] == "invalid_request_error"


def test_an_unknown_model_or_path_is_404_in_openais_form(endpoint):
    made = endpoint(EchoBackend())
    assert made.ask(model="nobody").json()["error"]["code"] == "model_not_found"
    assert made.http.get("/completions").json()["error"]["code"] == "unknown_url"


def test_a_wrong_method_is_405_in_openais_form(endpoint):
    made = endpoint(EchoBackend())
    for path, method in (
        ("/chat/completions", "POST"),
        ("/responses", "POST"),
        ("/feedback", "POST"),
    ):
        found = made.http.get(path)
        assert (found.status_code, found.headers["allow"]) == (405, method)
        assert found.json()["error"]["code"] == "method_not_allowed"
    assert made.http.delete("/models").json()["error"]["type"] == "invalid_request_error"


def test_models_are_the_ensembles_and_the_members(endpoint):
    made = endpoint(EchoBackend(), members=("alpha", "beta"))
    for base in ("", made.url.removesuffix("/v1") + "/"):
        listed = made.http.get(f"{base}models").json()
        assert [model["id"] for model in listed["data"]] == ["careful", "alpha", "beta"]
    assert made.http.get("/models/careful").json()["object"] == "model"
    assert made.http.get("/models/nobody").status_code == 404


def test_members_that_an_ensemble_keeps_to_itself_are_no_models(endpoint):
    made = endpoint(EchoBackend(), ensemble="expose_members = false\n")
    assert [model["id"] for model in made.http.get("/models").json()["data"]] == ["careful"]
    assert made.ask(model="alpha").status_code == 404
