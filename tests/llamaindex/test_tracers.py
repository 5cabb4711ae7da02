"""What products that trace LlamaIndex see of ensembles: no span left open, none without its parent.

They are not installed with the tests; `pip install` of the packages named is enough, and no server.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage

from bestofinf import SamplingError
from support.llm_members import ScriptedLLM
from support.llm_paths import ENDPOINTS, IDS, cancelled, ensemble, read, started

pytestmark = [pytest.mark.soak, pytest.mark.filterwarnings("default")]

PATHS = dict(zip(IDS, ENDPOINTS, strict=True))
STREAMS = [name for name in PATHS if "stream" in name]
TASKS = [name for name in PATHS if PATHS[name][1][0] == "a"]


@dataclass(frozen=True)
class Span:
    """A span as a product keeps it."""

    name: str
    id: Any
    parent: Any
    ended: bool
    failed: bool


def telemetry() -> tuple[Any, Callable[[], list[Span]]]:
    """Return a provider of OpenTelemetry, and what gives the spans that began there."""
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    class Kept(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            begun.append(span)

    begun: list[Any] = []
    provider = TracerProvider()
    provider.add_span_processor(Kept())

    def spans() -> list[Span]:
        found = [_of_telemetry(span) for span in begun]
        begun.clear()
        return found

    return provider, spans


def _of_telemetry(span: Any) -> Span:
    parent = span.parent.span_id if span.parent is not None else None
    failed = span.status.status_code.name == "ERROR"
    return Span(span.name, span.context.span_id, parent, span.end_time is not None, failed)


def openinference() -> Iterator[Callable[[], list[Span]]]:
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    provider, spans = telemetry()
    LlamaIndexInstrumentor().instrument(tracer_provider=provider)
    yield spans
    LlamaIndexInstrumentor().uninstrument()


def langfuse() -> Iterator[Callable[[], list[Span]]]:
    """Langfuse as its documentation has it: its own processor behind OpenInference."""
    from langfuse import Langfuse
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider, begun = telemetry()
    sent = InMemorySpanExporter()
    client = Langfuse(
        public_key="pk", secret_key="sk", host="http://127.0.0.1:9",
        tracer_provider=provider, span_exporter=sent,
    )  # fmt: skip
    LlamaIndexInstrumentor().instrument(tracer_provider=provider)

    def spans() -> list[Span]:
        client.flush()
        arrived = {span.context.span_id for span in sent.get_finished_spans()}
        sent.clear()
        found = begun()
        assert arrived == {span.id for span in found if span.ended}, "a span was not sent"
        return found

    yield spans
    LlamaIndexInstrumentor().uninstrument()
    client.shutdown()


def mlflow(folder: Any) -> Iterator[Callable[[], list[Span]]]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/traces.db")
    mlflow.llama_index.autolog()
    seen: set[str] = set()

    def spans() -> list[Span]:
        mlflow.flush_trace_async_logging()
        traces = mlflow.search_traces(return_type="list")
        new = [trace for trace in traces if trace.info.trace_id not in seen]
        seen.update(trace.info.trace_id for trace in new)
        return [
            Span(s.name, s.span_id, s.parent_id, s.end_time_ns is not None and s.status.status_code != "UNSET", s.status.status_code == "ERROR")
            for trace in new
            for s in trace.data.spans
        ]  # fmt: skip

    yield spans
    mlflow.llama_index.autolog(disable=True)


NEEDS = {
    "openinference": "openinference.instrumentation.llama_index",
    "langfuse": "langfuse openinference.instrumentation.llama_index",
    "mlflow": "mlflow pandas",
}


@pytest.fixture(autouse=True)
def _known(request):
    """What MLflow cannot see of any LLM; `test_a_span_of_an_asynchronous_stream_...` holds that."""
    given = request.node.callspec.params
    if given["spans"] == "mlflow" and "astream" in given.get("name", ""):
        pytest.skip(
            "MLflow ends the span of an asynchronous stream when the stream begins, of a bare LLM as of "
            "an ensemble: it waits for the end of what `inspect.isgenerator` takes for a stream"
        )


@pytest.fixture(scope="module", params=NEEDS)
def spans(request, tmp_path_factory):
    """Gives the spans that a product has kept since it was asked last."""
    for name in NEEDS[request.param].split():
        pytest.importorskip(name)
    make = globals()[request.param]
    given = (tmp_path_factory.mktemp("mlflow"),) if request.param == "mlflow" else ()
    products = make(*given)
    yield next(products)
    with suppress(StopIteration):
        next(products)


async def tree(spans) -> list[Span]:
    """Return all spans of one call, which have ended and hang together."""
    for _ in range(3):  # generators left by a cancelled task are closed in a later turn
        gc.collect()
        await asyncio.sleep(0.02)
    found = spans()
    ids = {span.id for span in found}
    roots = [span for span in found if span.parent is None]
    outer = [root for root in roots if not root.name.endswith("._prepare_chat_with_tools")]
    assert not [span for span in found if not span.ended], "left open"
    assert not [span for span in found if span.parent is not None and span.parent not in ids]
    assert [root.name.partition(".")[0] for root in outer] in (
        ["AdaptiveEnsembleLLM"],
        ["EnsembleStructuredLLM"],
        ["StructuredLLM"],
    )
    return [outer[0], *(span for span in found if span is not outer[0])]


@pytest.mark.parametrize("name", PATHS)
async def test_done(spans, name):
    await read(started(ensemble(), *PATHS[name]))
    root, *rest = await tree(spans)
    assert not root.failed
    assert sum(span.name.startswith("ScriptedLLM") for span in rest) >= 3


@pytest.mark.parametrize("name", PATHS)
async def test_failing(spans, name):
    with pytest.raises(SamplingError):
        await read(started(ensemble([ValueError("broken")], retries=0, cooldown=0), *PATHS[name]))
    assert (await tree(spans))[0].failed


@pytest.mark.parametrize("name", STREAMS)
async def test_left(spans, name):
    await read(started(ensemble(), *PATHS[name]), most=1)
    await tree(spans)


@pytest.mark.parametrize("make", [ScriptedLLM, ensemble], ids=["bare", "ensemble"])
async def test_a_span_of_an_asynchronous_stream_ends_when_that_begins_in_mlflow(
    spans, make, request
):
    """Where this fails MLflow waits for such streams, and nothing need be left out for it."""
    if request.node.callspec.params["spans"] != "mlflow":
        pytest.skip("all others wait for the end of the stream")
    stream = await make().astream_chat([ChatMessage("What is 4 and 4?")])
    assert [(span.ended, span.failed) for span in spans()] == [(True, False)]
    async for _ in stream:
        pass


@pytest.mark.parametrize("name", TASKS)
async def test_cancelled(spans, name):
    await cancelled(*PATHS[name])
    assert (await tree(spans))[0].failed
