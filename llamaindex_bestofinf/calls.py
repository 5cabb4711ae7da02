"""One call of an ensemble, which reports to LlamaIndex's instrumentation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from llama_index.core.callbacks import CallbackManager

from bestofinf.ensemble import Call, Result, Watch, lines
from llamaindex_bestofinf.reporting import CallReport


@dataclass
class EnsembleCall:
    """One call, with its events and its trace.

    Attributes:
        kind: Name of the method that was called.
        call: The call itself.
        call_id: Identifier of the call.
        manager: The ensemble's callback manager.
        tools: The offered tools, in the form in which they are reported.
    """

    kind: str
    call: Call
    call_id: str
    manager: CallbackManager
    tools: Sequence[Any] = ()

    def run(self, watch: Watch | None = None) -> Result:
        """Vote with threads."""
        report = self._begun(watch)
        with self._traced(), report:
            result = self.call.run()
        return report.end(result)

    async def arun(self, watch: Watch | None = None) -> Result:
        """Vote with tasks."""
        report = self._begun(watch)
        with self._traced(), report:
            result = await self.call.arun()
        return report.end(result)

    def _begun(self, watch: Watch | None) -> CallReport:
        """Report that the call begins."""
        call = self.call
        call.details = {"call_id": self.call_id, "kind": self.kind, "rule": call.plan.written}
        report = CallReport(self.call_id, self.kind, call.plan)
        call.observers = [*report.observers, *([] if watch is None else [lines(watch)])]
        if report.heard:
            report.start(call.question.shown(), self.tools)
        return report

    def _traced(self) -> AbstractContextManager[object]:
        """Keep one trace of the older callbacks open, so that samples do not begin new ones."""
        return self.manager.as_trace(self.kind) if self.manager.handlers else nullcontext()
