"""An ensemble of models by URL, which needs no framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self
from uuid import uuid4

from bestofinf._concurrency.blocking import run_blocking
from bestofinf._extras import require

require("pydantic", extra="http", purpose="an ensemble of endpoints")

from bestofinf.answers import tool_schemas  # noqa: E402
from bestofinf.ensemble.call import Call, Result  # noqa: E402
from bestofinf.ensemble.chat import ChatClient, ChatModel  # noqa: E402
from bestofinf.ensemble.endpoint import Endpoint  # noqa: E402
from bestofinf.ensemble.fields import EnsembleFields  # noqa: E402
from bestofinf.ensemble.identical import warn_of_fixed  # noqa: E402
from bestofinf.ensemble.members import MEMBER_FIELDS, read_members  # noqa: E402
from bestofinf.ensemble.progress import events  # noqa: E402
from bestofinf.ensemble.settings import call_settings  # noqa: E402
from bestofinf.records import Member  # noqa: E402
from bestofinf.scorers import Score, Scorer, as_scorer  # noqa: E402
from bestofinf.scorers.judge import TextJudge  # noqa: E402
from bestofinf.wire import ChatQuestion, chat_body  # noqa: E402
from bestofinf.wire.requests import wants_json  # noqa: E402
from bestofinf.wire.values import Json  # noqa: E402


class Ensemble(EnsembleFields):
    """An adaptive ensemble of chat models behind OpenAI-compatible servers.

    Takes the settings of `EnsembleFields`. A member's model is an `Endpoint`, the name of a model
    (``gpt-5-mini``, ``qwen3-8b@http://127.0.0.1:8080/v1``), or any other `ChatModel`; a mapping
    may hold the fields of an `Endpoint` beside those of a `Member`.

    Connections are kept open between the questions of one event loop. They are closed when the
    loop ends, by `aclose`, or at the end of ``async with``.

    >>> from bestofinf.tiny import TinyMember
    >>> ensemble = Ensemble([TinyMember("sum", seed=1), TinyMember("hasty", seed=1)])
    >>> ensemble.ask("What is 12 + 30 + 41?").told["answer"]
    '83'
    """

    _single_member: ClassVar[tuple[type, ...]] = (Member, Endpoint, str)

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        super().__init__(members, **kwargs)
        warn_of_fixed(self._members, self.max_samples, innermost=_fixed)

    def ask(
        self,
        question: ChatQuestion,
        *,
        progress: Callable[[dict[str, Any]], object] | None = None,
        **settings: Any,
    ) -> Result:
        """Ask a question and return the result, also where an event loop is running.

        Args:
            question: A text, messages in OpenAI's form, or a whole body with tools and others.
            progress: Called with every outcome as it arrives; see `progress_event`.
            settings: Settings for this question alone, such as ``rule`` or ``max_samples``.

        Raises:
            SamplingError: If too few members answered, the deadline passed, or the decision was
                not accepted, and there is no model to escalate to.
            UsageError: If the question or a setting cannot be read.
        """
        return run_blocking(self.aask(question, progress=progress, **settings))

    async def aask(
        self,
        question: ChatQuestion,
        *,
        progress: Callable[[dict[str, Any]], object] | None = None,
        **settings: Any,
    ) -> Result:
        """Ask a question in the running event loop; see `ask`."""
        call = self.call(question, **settings)
        if progress is not None:
            call.observers = [events(call.names, progress)]
        result = await call.arun()
        if self.strip_thoughts and result.winner is not None:
            shown = replace(result.reply, text=self.shown(result.reply.text))
            result = replace(result, winner=replace(result.winner, reply=shown))
        return result

    def call(self, question: ChatQuestion, *, call_id: str | None = None, **settings: Any) -> Call:
        """Return the call that asks a question; its method ``run`` or ``arun`` runs it.

        Args:
            question: A text, messages in OpenAI's form, or a whole body with tools and others.
            call_id: Identifier of the call in its trace; None makes one.
            settings: Settings for this question alone, such as ``rule`` or ``max_samples``.

        Raises:
            UsageError: If the question or a setting cannot be read.
        """
        body, given = chat_body(question), call_settings(settings)
        if wants_json(body) and not body.get("tools") and self.answer == "auto":
            given = {"answer": "json", **given}
        call_id = call_id or uuid4().hex
        plan, acceptance = self._resolve_call(given, call_id)
        call = Call(ChatClient(), body, plan, acceptance, self._state, self._scorer)
        call.tools = tool_schemas(body.get("tools") or ())
        call.details = {"call_id": call_id}
        return call

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        higher = () if self._higher is None else (self._higher,)
        for member in (*self._members, *higher):
            if isinstance(member.model, Endpoint):
                await member.model.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.aclose()

    # -- what users give ----------------------------------------------------------------------

    def _read_members(self, given: Any) -> tuple[Member[Any], ...]:
        wanted = "endpoints, names of models or members"
        if isinstance(given, list):
            given = [_with_endpoint(item) for item in given]
        return read_members(given, _read_model, wanted)

    def _model_name(self, model: ChatModel) -> str:
        return model.model

    def _read_higher(self, given: Any) -> Member[Any]:
        return self._read_members([given])[0]

    def _read_scorer(self, given: Any) -> Scorer | None:
        if isinstance(given, str | Mapping | Member) or _is_model(given):
            return _judge(self._priced(self._read_members([given]))[0])
        return as_scorer(given)


def _is_model(given: Any) -> bool:
    return isinstance(given, ChatModel)


def _with_endpoint(item: Any) -> Any:
    """Return a mapping with fields of a member and of an endpoint as one of a member's fields."""
    if not isinstance(item, Mapping) or not isinstance(item.get("model"), str):
        return item
    member = {name: value for name, value in item.items() if name in MEMBER_FIELDS}
    endpoint = {name: value for name, value in item.items() if name not in MEMBER_FIELDS}
    return {**member, "model": Endpoint.of(endpoint)}


def _read_model(given: Any) -> tuple[ChatModel, str]:
    if _is_model(given) and not isinstance(given, Endpoint):
        return given, given.model
    endpoint = Endpoint.of(given)
    endpoint.check()
    return endpoint, endpoint.model


def _fixed(model: Any) -> Any:
    return getattr(model, "fixed", model)


def _judge(member: Member[ChatModel]) -> Scorer:
    """Return a judge with the default rubric that asks a model."""

    async def ask(question: str) -> Score:
        body: Json = chat_body(question) | dict(member.call_kwargs)
        found = await member.model.asend(body)
        return Score(None, member.charge(found.input_tokens, found.output_tokens), found.reply.text)

    return TextJudge(ask=ask)
