"""Contract tests of collectors: which calls are recorded, and how."""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from bestofinf import Member
from bestofinf.errors import SamplingError, StoreError
from bestofinf.evaluation import EvaluationStore, Explore, question_id
from bestofinf.testing.adapter import LONG, QUESTION, RIGHT, WRONG, Adapter, Contract

SECRET = "sk-proj-abcdefghijklmnopqrst"


class CollectingAdapter(Adapter):
    """An adapter with a collector."""

    @abstractmethod
    def collecting(self, store: Any, **options: Any) -> AbstractContextManager[Any]:
        """Return a context whose collector records all questions, and is closed at its end."""

    @abstractmethod
    def naming(self, question: str, dataset: str) -> AbstractContextManager[Any]:
        """Return a context in which questions have this id and belong to this data set."""

    @abstractmethod
    async def ask_model(self, model: Any, question: str) -> Any:
        """Ask a plain model, which is in no ensemble."""


class CollectorContract(Contract):
    """Tests of an adapter's collector: give a fixture ``adapter`` that is a `CollectingAdapter`."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EvaluationStore]:
        """Open a store for one test."""
        with EvaluationStore(tmp_path / "answers.db") as opened:
            yield opened

    def one(self, store: EvaluationStore) -> Any:
        """Return the question, the call and the samples of a store with a single call."""
        [(question, [call], samples, _)] = store.records()
        return question, call, samples

    def test_a_call_is_recorded_once_with_every_sample(
        self, adapter: CollectingAdapter, store: EvaluationStore, how: str
    ) -> None:
        """The samples are no calls of their own."""
        ensemble = adapter.ensemble((RIGHT, WRONG, RIGHT, RIGHT), rule="ahead-by")
        with adapter.collecting(store) as collector:
            told = self.tell(adapter, ensemble, how).trace
        question, call, samples = self.one(store)
        assert question.id == question_id(QUESTION)
        assert (call.kind, call.answer, call.confidence) == ("ensemble", "42", told["confidence"])
        assert [s.answer for s in samples if s.counted] == ["42", "40", "42", "42", "42"]
        assert {s.member for s in samples} == {"scripted"}
        assert all(s.input_tokens and s.tokens for s in samples)
        assert all(s.text is None for s in samples)
        assert (collector.stats.errors, collector.stats.open) == (0, 0)

    def test_replies_are_recorded_when_wished(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """Not what a chooser was asked besides."""
        chooser = adapter.model(("2",), "judge")
        ensemble = adapter.ensemble(LONG, on_unvotable=chooser, abstain_limit=3)
        with adapter.collecting(store, keep="all"):
            self.tell(adapter, ensemble)
        _, call, samples = self.one(store)
        assert [sample.text for sample in samples] == list(LONG)
        assert call.reason.endswith("; chosen by the selector among 3")

    def test_a_failed_sample_is_recorded_as_a_failure(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """Without what the provider said."""
        failing = (RIGHT, RuntimeError(f"overloaded, key {SECRET}"), RIGHT)
        with adapter.collecting(store):
            self.tell(adapter, adapter.ensemble(failing, rule="ahead-by:votes=2", retries=0))
        *_, samples = self.one(store)
        assert [(s.error, s.answer) for s in samples if s.error] == [("RuntimeError", None)]

    def test_a_call_that_fails_is_recorded_without_a_decision(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """And leaves nothing open."""
        with adapter.collecting(store) as collector, pytest.raises(SamplingError):
            self.tell(adapter, adapter.ensemble((RuntimeError("down"),), retries=0))
        _, call, _ = self.one(store)
        assert call.answer is None
        assert collector.stats.open == 0

    def test_a_plain_model_is_recorded_as_one_sample(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """Its failure too, without its key."""
        broken = adapter.model((RuntimeError(f"overloaded, key {SECRET}"),))
        with adapter.collecting(store, keep="replies"):
            asyncio.run(adapter.ask_model(adapter.model((RIGHT,)), QUESTION))
            with pytest.raises(RuntimeError):
                asyncio.run(adapter.ask_model(broken, "And 7 times 8?"))
        (said, failed) = sorted(store.records(), key=lambda record: record[0].dataset or "")
        if said[2][0].error:
            said, failed = failed, said
        assert said[0].id == question_id(QUESTION)
        assert [(call.kind, call.fixed) for call in said[1]] == [("model", True)]
        assert [sample.answer for sample in said[2]] == ["42"]
        [sample] = failed[2]
        assert sample.answer is None
        assert sample.error
        assert SECRET not in sample.error

    def test_plain_calls_can_be_left_out(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """Ensembles are recorded all the same."""
        with adapter.collecting(store, plain_calls=False):
            asyncio.run(adapter.ask_model(adapter.model((RIGHT,)), QUESTION))
            self.tell(adapter, adapter.ensemble((RIGHT,)))
        assert store.status().calls == 1

    def test_the_user_names_question_and_dataset(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """In the framework's own way."""
        with adapter.collecting(store), adapter.naming("q-17", "sums"):
            self.tell(adapter, adapter.ensemble((RIGHT,)))
        question, _, _ = self.one(store)
        assert (question.id, question.dataset) == ("q-17", "sums")

    def test_exploring_calls_are_known(
        self, adapter: CollectingAdapter, store: EvaluationStore
    ) -> None:
        """They ask every member as often."""
        members = [
            Member(adapter.model((RIGHT,), name), name=name, weight=weight)
            for name, weight in (("a", 0.9), ("b", 0.1))
        ]
        with adapter.collecting(store):
            exploring = adapter.make(members, explore=Explore(share=1.0, samples=4))
            self.tell(adapter, exploring)
            self.tell(adapter, adapter.make(members), question="And 7 times 8?")
        calls = [call for _, calls, _, _ in store.records() for call in calls]
        assert {call.fixed for call in calls if "fixed: " in str(call.reason)} == {True}
        assert sorted(call.fixed for call in calls) == [False, True]
        exploring_question = next(q for q in store.read() if q.id == question_id(QUESTION))
        assert {n: len(s) for n, s in exploring_question.samples.items()} == {"a": 4, "b": 4}

    def test_many_questions_at_once_are_all_recorded(
        self, adapter: CollectingAdapter, store: EvaluationStore, how: str
    ) -> None:
        """In tasks and in threads."""
        ensemble = adapter.make([adapter.model((RIGHT,))], rule="ahead-by")

        async def many() -> None:
            asked = (adapter.ask(ensemble, how, f"{QUESTION} {n}?") for n in range(8))
            await asyncio.gather(*asked)

        def work(name: int) -> None:
            for n in range(3):
                self.tell(adapter, ensemble, how, f"{QUESTION} {n} of {name}?")

        with adapter.collecting(store) as collector:
            asyncio.run(many())
            threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        found = list(store.records())
        assert len(found) == 8 + 4 * 3
        assert all(sum(s.counted for s in samples) == 3 for *_, samples, _ in found)
        assert collector.stats.open == 0

    def test_a_cancelled_question_leaves_nothing_open(
        self, adapter: CollectingAdapter, store: EvaluationStore, cancellable_way: str
    ) -> None:
        """Its call is given up."""
        model = adapter.model((RIGHT,), seconds=30.0)
        ensemble = adapter.make([model], rule="ahead-by")

        async def cancelled() -> None:
            task = asyncio.ensure_future(adapter.ask(ensemble, cancellable_way, QUESTION))
            async with asyncio.timeout(10):
                while not adapter.in_flight(model):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        with adapter.collecting(store) as collector:
            asyncio.run(cancelled())
        assert collector.stats.open == 0

    def test_the_model_answers_whatever_the_store_does(
        self, adapter: CollectingAdapter, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The collector says at its end what was wrong."""
        collecting = adapter.collecting(tmp_path / "no folder" / "answers.db")
        collector = collecting.__enter__()
        with caplog.at_level(logging.WARNING):
            assert self.tell(adapter, adapter.ensemble((RIGHT,))).text == RIGHT
            with pytest.raises(StoreError, match="there is no folder"):
                collector.flush(0.3)
        with pytest.raises(StoreError):
            collector.close(0.3)
        assert collector.stats.last_error is not None
