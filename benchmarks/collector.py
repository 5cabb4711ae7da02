"""What collecting costs: `python -m benchmarks.collector`.

Caller: processor time of the thread that asks, per sample, with a collector less without. All: the
same for the whole process, the writer's thread included. Frameworks differ in what they do for a
handler at all, so an empty handler stands beside the collector. Memory: the peak of what Python
holds while the store is stuck and calls go on.
"""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.event_handlers import BaseEventHandler

from bestofinf.evaluation import EvaluationStore, Recorder
from langchain_bestofinf import AdaptiveEnsembleChat, EvaluationCollector
from llamaindex_bestofinf import collector as llamaindex
from llamaindex_bestofinf.events import EnsembleEndEvent, EnsembleSampleEvent, EnsembleStartEvent

SAMPLES = 16
CALLS = 40
ROUNDS = 7
PROMPT = "A farmer has 17 sheep, and all but 9 run away. How many are left? " * 10


class Instant(BaseChatModel):
    """Answers at once."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        usage = {"input_tokens": 100, "output_tokens": 5, "total_tokens": 105}
        message = AIMessage("The answer is 9.", usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


class Silent(BaseCallbackHandler):
    """A handler that does nothing."""

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        pass


class SilentEvents(BaseEventHandler):
    """An event handler that does nothing."""

    def handle(self, event: Any, **kwargs: Any) -> None:
        pass


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Return microseconds per sample of one round: of this thread, and of the process."""
    thread, process = time.thread_time(), time.process_time()
    work()
    scale = 1e6 / (CALLS * SAMPLES)
    return (time.thread_time() - thread) * scale, (time.process_time() - process) * scale


def compared(name: str, ways: dict[str, Callable[[], None]]) -> dict[str, Any]:
    """Measure ways of doing the same in turn, and return medians and differences."""
    rounds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, work in ways.items():
            rounds[way].append(measured(work))
    found = {
        way: [round(statistics.median(column), 1) for column in zip(*values, strict=True)]
        for way, values in rounds.items()
    }
    base = found["bare"]
    return {
        "what": name,
        "caller_us": {way: value[0] for way, value in found.items()},
        "process_us": {way: value[1] for way, value in found.items()},
        "collector_adds_us": round(found["collector"][0] - base[0], 1),
    }


def recorder_alone(store: EvaluationStore) -> dict[str, Any]:
    """One report for each sample, as from LlamaIndex."""
    recorder = Recorder(store)
    names = itertools.count()

    def record() -> None:
        for _ in range(CALLS):
            call = f"alone-{next(names)}"
            recorder.call(call, prompt=PROMPT)
            for draw in range(SAMPLES):
                recorder.sample(call, draw, member="m", answer="9", tokens=5, seconds=0.1)
            recorder.end(call, answer="9", confidence=0.9, reason="fixed: 16 samples")

    found = compared("recorder", {"bare": lambda: None, "collector": record})
    recorder.close()
    return found


def langchain_ensemble(store: EvaluationStore) -> dict[str, Any]:
    """An ensemble of 16 samples, asked with and without handlers."""
    collector = EvaluationCollector(store)
    # One at a time: the samples then run in the thread that is measured.
    model = AdaptiveEnsembleChat(members=[Instant()], rule=f"fixed:n={SAMPLES}", concurrency=1)

    def ask(handlers: list[Any]) -> Callable[[], None]:
        def work() -> None:
            for _ in range(CALLS):
                model.invoke(PROMPT, {"callbacks": handlers})

        return work

    ways = {"bare": ask([]), "empty handler": ask([Silent()]), "collector": ask([collector])}
    found = compared("LangChain ensemble", ways)
    collector.close()
    return found


def langchain_plain(store: EvaluationStore) -> dict[str, Any]:
    """Plain calls, one sample each."""
    collector = EvaluationCollector(store)
    model = Instant()

    def ask(handlers: list[Any]) -> Callable[[], None]:
        def work() -> None:
            for _ in range(CALLS * SAMPLES):
                model.invoke(PROMPT, {"callbacks": handlers})

        return work

    ways = {"bare": ask([]), "empty handler": ask([Silent()]), "collector": ask([collector])}
    found = compared("LangChain plain calls", ways)
    collector.close()
    return found


def llamaindex_events(store: EvaluationStore) -> dict[str, Any]:
    """The events of an ensemble of 16 samples, with and without a handler."""
    dispatcher = get_dispatcher()
    collector = llamaindex.EvaluationCollector(store)
    silent = SilentEvents()
    names = itertools.count()

    def tell() -> None:
        for _ in range(CALLS):
            call = f"events-{next(names)}"
            dispatcher.event(EnsembleStartEvent(call_id=call, kind="chat", prompt=PROMPT))
            for index in range(SAMPLES):
                dispatcher.event(
                    EnsembleSampleEvent(
                        call_id=call, index=index, member="m", kind="chat", answer="9", tokens=5
                    )
                )
            trace = {"answer": "9", "reason": "fixed: 16 samples"}
            dispatcher.event(EnsembleEndEvent(call_id=call, kind="chat", trace=trace))

    def silently() -> None:
        dispatcher.add_event_handler(silent)
        tell()
        dispatcher.event_handlers = [h for h in dispatcher.event_handlers if h is not silent]

    def collecting() -> None:
        collector.attach()
        tell()
        collector.detach()

    ways = {"bare": tell, "empty handler": silently, "collector": collecting}
    found = compared("LlamaIndex ensemble's events", ways)
    collector.close()
    return found


class StuckStore(EvaluationStore):
    """A store that never returns until it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    @property
    def name(self) -> str:
        """The name in messages."""
        return "stuck store"

    def add(self, records: Any) -> None:
        """Wait."""
        self.gate.wait()


def memory_of_a_stuck_store() -> dict[str, Any]:
    """The memory that waiting calls take, of four times as many as may wait."""
    store = StuckStore()
    capacity = 20_000
    recorder = Recorder(store, capacity=capacity)
    tracemalloc.start()
    peaks = []
    for part in range(4):
        for n in range(capacity):
            call = f"{part}-{n}"
            recorder.call(call, prompt="?")
            recorder.sample(call, 0, member="m", answer="9")
            recorder.end(call, answer="9")
        peaks.append(round(tracemalloc.get_traced_memory()[1] / 2**20, 1))
    tracemalloc.stop()
    stats = recorder.stats
    store.gate.set()
    recorder.close()
    return {
        "what": "memory while the store is stuck",
        "peak_mib_after_20k_40k_60k_80k_calls": peaks,
        "pending": stats.pending,
        "refused": stats.refused,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with EvaluationStore(Path(folder) / "answers.db") as store:
            for part in (recorder_alone, langchain_ensemble, langchain_plain, llamaindex_events):
                print(json.dumps(part(store)))
            print(json.dumps({"what": "stored", "samples": store.status().samples}))
        print(json.dumps(memory_of_a_stuck_store()))


if __name__ == "__main__":
    main()
