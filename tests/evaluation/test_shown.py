"""What objects show of themselves fits a screen, in a terminal and in a notebook."""

from __future__ import annotations

import dataclasses
import re
from collections import deque
from collections.abc import Iterator, Mapping
from html import escape

import pytest
from langchain_core.messages import AIMessage

from bestofinf import Ensemble, advise, fit_weights, tiny
from bestofinf.calibration import ScorePool, fit_calibration
from bestofinf.evaluation import EvaluationSet, EvaluationStore
from bestofinf.records import Reply, Sample
from bestofinf.tiny import TinyMember
from langchain_bestofinf import AdaptiveEnsembleChat, EvaluationCollector
from langchain_bestofinf.tiny import TinyChat

SCREEN = 80 * 24
OURS = ("bestofinf", "langchain_bestofinf", "llamaindex_bestofinf")


@pytest.fixture(scope="module")
def recorded():
    return tiny.recorded()


@pytest.fixture(scope="module")
def advice(recorded):
    return advise(EvaluationSet(recorded.questions[:40]), members=["sum", "mul"], trials=4)


@pytest.fixture(scope="module")
def message():
    model = AdaptiveEnsembleChat(
        [TinyChat(model="sum", seed=1, temperature=2.0)], rule="fixed:n=64"
    )
    return model.invoke("What is 12 + 30 + 41?")


@pytest.fixture(scope="module")
def result():
    ensemble = Ensemble([TinyMember("sum", seed=1)], rule="fixed:n=64")
    return ensemble.ask("What is 12 + 30 + 41?")


def reached(*roots: object) -> Iterator[object]:
    """Give the objects of the project's classes that can be reached from others."""
    seen: set[int] = set()
    waiting = deque(roots)
    while waiting:
        found = waiting.popleft()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if type(found).__module__.partition(".")[0] in OURS:
            yield found
        if dataclasses.is_dataclass(found) and not isinstance(found, type):
            waiting.extend(getattr(found, field.name) for field in dataclasses.fields(found))
        elif isinstance(found, Mapping):
            waiting.extend(list(found.values())[:20])
        elif isinstance(found, list | tuple):
            waiting.extend(found[:20])


def test_no_object_is_longer_than_a_screen(recorded, advice, message, result, tmp_path):
    long = Reply("word " * 10_000, native=message)
    pool = ScorePool.from_set(recorded, member="sum")
    fit = fit_weights(recorded, "accuracy", time_limit=2)
    roots = (recorded, advice, result, message.response_metadata, pool, fit_calibration(pool), fit)
    with EvaluationStore(tmp_path / "answers.db") as store:
        shown = list(reached(*roots, long, Sample("x", long), store))
        assert len({type(one) for one in shown}) > 30
        assert not {type(one) for one in shown if len(repr(one)) > SCREEN}
    assert len(repr(message)) <= SCREEN


def test_a_notebook_shows_a_set_by_member(recorded):
    html = recorded._repr_html_()
    assert "400 questions, 400 labelled" in html
    assert all(f">{name}<" in html for name in recorded.members)
    assert repr(recorded).startswith("EvaluationSet(")
    assert "400 questions" in repr(recorded)


def test_a_notebook_shows_an_advice_as_its_lines_and_the_best_strategies(advice):
    html = advice._repr_html_()
    assert escape(advice.recommendation) in html
    assert html.count("<tr>") <= 13


def test_a_notebook_shows_a_store_with_what_is_in_it(tmp_path):
    with EvaluationCollector(tmp_path / "answers.db") as collector:
        model = AdaptiveEnsembleChat([TinyChat(model="sum", seed=1)], rule="fixed:n=3")
        model.invoke("What is 12 + 30 + 41?", {"callbacks": [collector]})
    with EvaluationStore(tmp_path / "answers.db") as store:
        assert "1 questions, 0 labelled, 1 calls, 3 samples" in store._repr_html_()
        assert "answers.db" in repr(store)


def test_a_notebook_shows_the_trace_of_a_message_as_its_votes(message):
    trace = message.response_metadata["bestofinf"]
    html = trace._repr_html_()
    rows = re.findall("<tr><td", html)
    assert f"{trace['answer']} (confidence" in html
    assert len(rows) == min(len(trace["votes"]), 12) + (len(trace["votes"]) > 12)
    assert "64 samples of sum" in html


def test_a_trace_stays_a_dictionary_of_plain_values(message):
    trace = message.response_metadata["bestofinf"]
    again = AIMessage.model_validate(message.model_dump())
    assert again.response_metadata["bestofinf"] == trace == dict(trace)
