"""Every call is a row in the store: found by the completion's id, labelled by it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bestofinf.evaluation import EvaluationStore
from support.backends import EchoBackend, FunctionBackend, ScriptedBackend
from support.faults import Fault, Faults

VOTES = ["The answer is 7.", "The answer is 8.", "The answer is 7."]


@pytest.fixture
def recorded(endpoint, tmp_path):
    """Start an endpoint that records; its store is at `store`."""

    def start(backend, serve="", **settings):
        store = tmp_path / "answers.db"
        made = endpoint(backend, serve=f'store = "{store}"\n{serve}', **settings)
        made.store = store
        return made

    return start


def test_a_call_is_in_the_store_when_its_answer_has_come(recorded):
    made = recorded(ScriptedBackend(VOTES, cycle=True))
    ids = [made.ask().json()["id"], made.ask(stream=True).headers["x-request-id"]]
    with EvaluationStore(made.store) as store:  # another reader: what is there is committed
        calls = store.calls(ids)
    assert set(calls) == set(ids)
    call, samples = calls[ids[0]]
    assert (call.answer, call.kind, call.winner_member) == ("7", "ensemble", "alpha")
    assert [sample.answer for sample in samples] == ["7", "8", "7"]
    assert all(sample.text is None for sample in samples)
    assert call.confidence > 0.5
    assert "fixed:n=3" in call.rule


def test_a_call_is_told_by_its_id(recorded):
    made = recorded(ScriptedBackend(VOTES), serve='keep = "replies"')
    found = made.ask(bestofinf={"question": "q-1"}).json()
    told = made.http.get(f"/calls/{found['id']}").json()
    assert (told["id"], told["question_id"], told["answer"]) == (found["id"], "q-1", "7")
    assert [sample["text"] for sample in told["samples"]] == VOTES
    assert made.http.get("/calls/chatcmpl-0").json()["error"]["code"] == "call_not_found"


def test_a_member_asked_by_its_own_name_is_a_plain_call(recorded):
    made = recorded(ScriptedBackend(VOTES, cycle=True))
    ids = [made.ask(model="alpha").json()["id"]]
    ids.append(made.ask(model="alpha", stream=True).headers["x-request-id"])
    for id_ in ids:
        told = made.http.get(f"/calls/{id_}").json()
        assert (told["kind"], told["winner_member"]) == ("model", "alpha")
        assert told["answer"] in ("7", "8")
        assert told["samples"][0]["tokens"] > 0


def test_feedback_labels_a_call_a_moment_after_it(recorded):
    made = recorded(ScriptedBackend(VOTES, cycle=True))
    first, second = (made.ask(f"Which {n}?").json()["id"] for n in (1, 2))
    up = made.http.post("/feedback", json={"id": first, "correct": True})
    assert up.status_code == 200
    assert made.http.post("/feedback", json={"id": second, "gold": 91}).status_code == 200
    with EvaluationStore(made.store) as store:
        labels = [store.labels(key)[-1] for key in (first, second)]
        assert [(label.answer, label.correct) for label in labels] == [("7", True), ("91", True)]
        assert {(label.source, label.provenance) for label in labels} == {("feedback", "feedback")}
        assert up.json()["question_id"] == store.find(first)


def test_an_empty_right_answer_takes_no_label_back(recorded):
    made = recorded(ScriptedBackend(VOTES, cycle=True))
    call = made.ask("Which?").json()["id"]
    assert made.http.post("/feedback", json={"id": call, "gold": "91"}).status_code == 200
    for empty in ("", None):
        found = made.http.post("/feedback", json={"id": call, "gold": empty})
        assert found.status_code == 400
        assert empty is None or found.json()["error"]["param"] == "gold"
    with EvaluationStore(made.store) as store:
        assert [label.answer for label in store.labels(call)] == ["91"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "chatcmpl-0", "correct": True}, 404),
        ({"id": "chatcmpl-0"}, 400),
        ({"id": "chatcmpl-0", "correct": True, "gold": "7"}, 400),
        ({"id": "chatcmpl-0", "correct": "yes"}, 400),
        ({"id": 7, "correct": True}, 400),
        ({"id": "chatcmpl-0", "gold": [7]}, 400),
        ([], 400),
    ],
)
def test_feedback_that_is_none_is_refused(recorded, body, status):
    found = recorded(EchoBackend()).http.post("/feedback", json=body)
    assert (found.status_code, "message" in found.json()["error"]) == (status, True)


def test_feedback_without_a_store_says_so(endpoint):
    found = endpoint(EchoBackend()).http.post("/feedback", json={"id": "x", "correct": True})
    assert (found.status_code, "store" in found.text) == (404, True)


def test_a_vote_that_failed_is_recorded_without_the_providers_words(recorded):
    made = recorded(EchoBackend(), faults=Faults.always(Fault.BAD_REQUEST))
    id_ = made.ask().headers["x-request-id"]
    told = made.http.get(f"/calls/{id_}").json()
    assert told["answer"] is None
    assert told["reason"].startswith("failed: ")
    assert "context" not in str(told)


async def test_what_a_client_that_left_has_paid_for_is_kept(recorded):
    async def slow(request):
        await asyncio.sleep(0.0 if request.number < 2 else 30)
        return "The answer is 7."

    # One at a time: where the third is asked, the replies before it have been read.
    made = recorded(FunctionBackend(slow), member="concurrency = 1\n")
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"model": "careful", "messages": [{"role": "user", "content": "Which?"}]}
        asking = asyncio.create_task(
            client.post(f"{made.url}/chat/completions", json=body, timeout=60)
        )
        await made.members.until(lambda counts: (counts.finished, counts.in_flight) == (2, 1))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    counts = await made.members.idle()
    assert counts.disconnected == 1
    await asyncio.to_thread(made.stop)
    with EvaluationStore(made.store) as store:
        ((_, (call,), samples, _),) = store.records()
    assert (call.answer, call.reason) == (None, None)
    assert [sample.answer for sample in samples if sample.error is None] == ["7", "7"]


def test_requests_served_are_calls_recorded_under_load(recorded):
    made = recorded(EchoBackend())

    async def load():
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:

            async def one(n):
                messages = [{"role": "user", "content": f"Which {n}?"}]
                model = ("careful", "alpha")[n % 2]
                body = {"model": model, "messages": messages, "stream": n % 3 == 0}
                found = await client.post(f"{made.url}/chat/completions", json=body)
                assert found.status_code == 200
                return found.headers["x-request-id"]

            return await asyncio.gather(*(one(n) for n in range(120)))

    ids = asyncio.run(load())
    with EvaluationStore(made.store) as store:
        assert len(store.calls(ids)) == len(set(ids)) == 120
        assert store.status().calls == 120


def test_a_store_that_fails_costs_no_answer(recorded, tmp_path):
    made = recorded(EchoBackend(), serve="store_wait = 0.3")
    assert made.ask().status_code == 200
    before = made.service._journal.unstored  # one, where the disk was slow
    made.service._journal.recorder.store._database.close()
    for file in tmp_path.glob("answers.db*"):
        file.unlink()
    (tmp_path / "answers.db").mkdir()
    assert made.ask().status_code == 200
    metrics = made.http.get(made.url.removesuffix("/v1") + "/metrics").text
    assert f'bestofinf_recorded{{state="unstored"}} {before + 1:.1f}' in metrics
    (tmp_path / "answers.db").rmdir()
