"""The collector for LangChain: a callback handler that fills an evaluation store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import Generation, LLMResult

from bestofinf.evaluation.recording.collector import (
    Collector,
    OpenRuns,
    Prompt,
    question_facts,
    rule_text,
)
from bestofinf.records import Reply
from langchain_bestofinf.callbacks import SAMPLE_TAG
from langchain_bestofinf.messages import TRACE_KEY, reply_of, told_usage
from langchain_bestofinf.runnable import DECISION_EVENT

QUESTION_TAG = "question_id:"


@dataclass(frozen=True, slots=True)
class _Run:
    """A model run that has begun.

    Attributes:
        kind: "ensemble", "sample" (one sample of an ensemble) or "model".
        call: The call it belongs to.
        draw: Place of a sample in its call.
        member: Name of the model.
    """

    kind: str
    call: str
    draw: int = 0
    member: str = ""


class EvaluationCollector(Collector, BaseCallbackHandler):
    """Records ensemble calls and plain model calls to an evaluation store.

    Pass it with ``config={"callbacks": [collector]}`` or to the constructor of a model or chain.
    The question's id is that of the prompt, or ``question_id`` in the metadata of the call (or
    a tag ``question_id:...``); ``dataset`` in the metadata is the name of the data set.

    The options are those of `bestofinf.evaluation.recording.collector.Collector`.
    """

    wants_trace = True
    run_inline = True  # in the order of the calls, and without a thread for each report

    def _prepare(self) -> None:
        self._runs: OpenRuns[UUID, _Run] = OpenRuns()

    @property
    def sees_samples(self) -> bool:
        """Whether ensembles report the runs of samples: only if texts of replies are stored."""
        return self.recorder.wants_replies

    # -- what LangChain reports ---------------------------------------------------------------

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **about: Any
    ) -> None:
        """A chat model begins."""
        with self.recorder.guard():
            self._start(about, lambda: [_message(message) for message in messages[0]])

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], **about: Any) -> None:
        """A model that completes text begins."""
        with self.recorder.guard():
            self._start(about, lambda: prompts[0])

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """A model has answered."""
        with self.recorder.guard():
            run = self._runs.pop(run_id)
            if run is None:
                return
            generations = response.generations[0] if response.generations else []
            if run.kind == "sample":
                if generations:
                    self.recorder.text(run.call, run.draw, generations[0].text)
            elif run.kind == "ensemble":
                self._end_ensemble(run, generations)
            else:
                self._end_model(run, generations)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """A model has failed, or its call was cancelled."""
        with self.recorder.guard():
            run = self._runs.pop(run_id)
            if run is None or run.kind == "sample":
                return
            if run.kind == "model":
                self.recorder.sample(run.call, 0, member=run.member, error=error)
            self.recorder.abandon(run.call)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **about: Any) -> None:
        """An `AdaptiveEnsemble`, which is not a model, has decided and sends its trace as an event.

        The data are the trace, with the question under the key ``prompt``.
        """
        with self.recorder.guard():
            if name == DECISION_EVENT and isinstance(data, Mapping):
                self._begin(str(run_id), data.get("prompt", ""), "ensemble", about)
                self.recorder.trace(str(run_id), data)

    # -- what is made of it -------------------------------------------------------------------

    def _start(self, about: Mapping[str, Any], prompt: Callable[[], Prompt]) -> None:
        """Record the beginning of a run, from its description for handlers."""
        run_id, parent = about["run_id"], about.get("parent_run_id")
        metadata = about.get("metadata") or {}
        if SAMPLE_TAG in (about.get("tags") or ()):
            if parent is not None and "bestofinf_sample" in metadata:
                draw = int(metadata["bestofinf_sample"])
                self._runs.put(run_id, _Run("sample", str(parent), draw))
            return
        ensemble = metadata.get("ls_provider") == TRACE_KEY
        if not ensemble and not self._plain_calls:
            return
        kind = "ensemble" if ensemble else "model"
        params = about.get("invocation_params") or {}
        member = str(metadata.get("ls_model_name") or params.get("_type") or "model")
        self._runs.put(run_id, _Run(kind, str(run_id), member=member))
        rule = rule_text(params.get("rule"), params.get("max_samples")) if ensemble else ""
        self._begin(str(run_id), prompt, kind, about, params.get("tools") or (), rule)

    def _begin(
        self,
        call: str,
        prompt: Prompt | Callable[[], Prompt],
        kind: str,
        about: Mapping[str, Any],
        tools: Sequence[Any] = (),
        rule: str = "",
    ) -> None:
        metadata, tags = about.get("metadata") or {}, about.get("tags") or ()
        named = [tag[len(QUESTION_TAG) :] for tag in tags if tag.startswith(QUESTION_TAG)]
        question = metadata.get("question_id") or (named[0] if named else None)
        asked = question_facts({**metadata, "question_id": question})
        self.recorder.call(
            call,
            prompt=prompt,
            tools=tools,
            kind=kind,
            fixed=kind == "model",
            rule=rule,
            details={"tags": list(tags), "metadata": dict(metadata)},
            **asked,
        )

    def _end_ensemble(self, run: _Run, generations: Sequence[Generation]) -> None:
        message = getattr(generations[0], "message", None) if generations else None
        trace = message.response_metadata.get(TRACE_KEY) if message is not None else None
        if isinstance(trace, Mapping):
            self.recorder.trace(run.call, trace)
        else:
            self.recorder.abandon(run.call)

    def _end_model(self, run: _Run, generations: Sequence[Generation]) -> None:
        for draw, generation in enumerate(generations):
            message = getattr(generation, "message", None)
            usage = told_usage(message)
            # Each of several generations of one request carries the usage of all of them.
            alone = len(generations) == 1
            self.recorder.sample(
                run.call,
                draw,
                member=run.member,
                reply=reply_of(message)
                if isinstance(message, AIMessage)
                else Reply(text=generation.text),
                tokens=usage.get("output_tokens") if alone else None,
                input_tokens=usage.get("input_tokens") if alone else None,
            )
        self.recorder.end(run.call)


def _message(message: BaseMessage) -> dict[str, Any]:
    calls = [
        {"name": call["name"], "args": call["args"]}
        for call in getattr(message, "tool_calls", None) or ()
    ]
    return {
        "role": getattr(message, "role", message.type),
        "content": message.content,
        "name": message.name,
        "tool_calls": calls,
    }
