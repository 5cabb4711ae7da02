import json
from dataclasses import replace

import pytest

pytest.importorskip("starlette")
pytest.importorskip("jinja2")

from starlette.testclient import TestClient

from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.rows import SampleRow
from bestofinf.view import Access, app
from support.stored import record

BASE = "http://127.0.0.1:8000"


def asked(call, question, text, *answers, **facts):
    """Return a call whose question was kept."""
    made = record(call, *answers, question=question, **facts)
    prompt = json.dumps({"messages": [{"content": text, "role": "user"}]})
    return replace(made, question=replace(made.question, prompt=prompt))


@pytest.fixture
def store(tmp_path):
    with EvaluationStore(tmp_path / "answers.db") as opened:
        first = asked("c1", "q-even", "What is 2 + 3?", "5", "6", None, reason="optimal: lead of 0")
        failed = SampleRow("c1", 7, "other", None, error="TimeoutError: 30 s")
        texts = tuple(replace(s, text=f"It is {s.answer}.", tokens=4) for s in first.samples)
        opened.add(
            [
                replace(first, samples=(*texts, failed)),
                asked("c2", "q-sure", "What is 1 + 1?", "2", "2", "2", confidence=0.97),
                record("c3", None, question="silent"),
            ]
        )
        yield opened


@pytest.fixture
def access():
    return Access("a token of sixteen")


@pytest.fixture
def browser(store, access):
    """A browser that was let in."""
    with TestClient(app(store, access=access), base_url=BASE) as client:
        assert client.get("/", params={"token": access.token}).status_code == 200
        yield client
