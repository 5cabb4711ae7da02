"""What users say of an answer, by the call that its trace names."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")
pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

import langchain_bestofinf
import llamaindex_bestofinf
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.recording.collector import call_id_of
from support.chat_members import Scripted
from support.llm_members import ScriptedLLM


def labels_of(path: Path, question: str):
    with EvaluationStore(path, readonly=True) as store:
        return [
            (row.answer, row.correct, row.provenance, row.call_id) for row in store.labels(question)
        ]


def test_a_message_of_langchain_takes_feedback(tmp_path):
    path = tmp_path / "s.db"
    chat = langchain_bestofinf.AdaptiveEnsembleChat(
        members=[Scripted(replies=["5"])], rule="fixed:n=2"
    )
    with langchain_bestofinf.EvaluationCollector(path) as collector:
        message = chat.invoke("2 + 3?", config={"callbacks": [collector]})
        call = message.response_metadata["bestofinf"]["call_id"]
        question = collector.feedback(message, correct=True)
        collector.feedback(call, gold=6)
        collector.feedback(message.id, correct=False)
    assert message.id != call
    assert message.id.endswith(call)
    assert labels_of(path, question) == [
        ("5", True, "feedback", call),
        ("6", True, "feedback", call),
        ("5", False, "feedback", call),
    ]


def test_the_decision_of_a_chain_names_its_call(tmp_path):
    path = tmp_path / "s.db"
    chain = langchain_bestofinf.AdaptiveEnsemble(
        Scripted(replies=["5"]), rule="fixed:n=2", include_trace=True
    )
    with langchain_bestofinf.EvaluationCollector(path, plain_calls=False) as collector:
        told = chain.invoke("2 + 3?", config={"callbacks": [collector]})
        question = collector.feedback(told, correct=False)
    assert labels_of(path, question) == [("5", False, "feedback", told["bestofinf"]["call_id"])]


def test_a_response_of_llamaindex_takes_feedback(tmp_path):
    path = tmp_path / "s.db"
    llm = llamaindex_bestofinf.AdaptiveEnsembleLLM(members=[ScriptedLLM("5")], rule="fixed:n=2")
    with llamaindex_bestofinf.EvaluationCollector(path) as collector:
        response = llm.complete("2 + 3?")
        question = collector.feedback(response, correct=True)
    call = response.additional_kwargs["bestofinf"]["call_id"]
    assert labels_of(path, question) == [("5", True, "feedback", call)]


def test_feedback_names_a_call_and_says_one_thing(tmp_path):
    with langchain_bestofinf.EvaluationCollector(tmp_path / "s.db") as collector:
        with pytest.raises(UsageError, match="either correct"):
            collector.feedback("call")
        with pytest.raises(UsageError, match="either correct"):
            collector.feedback("call", correct=True, gold="5")
        with pytest.raises(UsageError, match="no question, call or prompt hash"):
            collector.feedback("nowhere", correct=True)
        with pytest.raises(UsageError, match="no call_id in"):
            collector.feedback(object(), correct=True)
    assert call_id_of({"call_id": "c"}) == call_id_of("c") == "c"
