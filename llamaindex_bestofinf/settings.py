"""Settings of the ensemble that exist only in LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

from llama_index.core.llms.llm import LLM
from pydantic import Field, PrivateAttr, ValidationError

from bestofinf.ensemble import (
    EnsembleFields,
    MemberConfig,
    TraceDetail,
    changed_settings,
    one_line,
    warn_of_fixed,
)
from bestofinf.errors import UsageError
from bestofinf.records import Member
from bestofinf.scorers import Scorer
from llamaindex_bestofinf.answers import named_answer
from llamaindex_bestofinf.history import Origins
from llamaindex_bestofinf.loading import model_of
from llamaindex_bestofinf.members import Clients, checked_llm, model_name, resolve_members

_FIXED = frozenset({"members", "weights", "prices", "scorer", "escalate_to"})
"""Settings that a copy has in common with the ensemble it is made of."""


class Kept:
    """What an ensemble of LLMs keeps between calls besides its state; deep copies begin empty.

    Attributes:
        mixed: Whether the members are of several classes.
        clients: Returns the object to ask in the running event loop.
        origins: Knows which member wrote which message of a history.
        last: The trace of the call that ended last.
        key: Identifies the ensemble without a reference that would keep it alive.
    """

    def __init__(self, members: Sequence[Member[LLM]]) -> None:
        self._members = members
        self.mixed = len({type(member.model) for member in members}) > 1
        self.clients = Clients(members)
        self.origins = Origins()
        self.last: dict[str, Any] | None = None
        self.key = object()

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, (self._members,)


class EnsembleSettings(EnsembleFields):
    """How an ensemble of LLMs votes.

    Attributes:
        sync_strategy: With ``threads``, blocking calls ask members in threads, through their
            blocking methods; a request that the vote does not need runs to its end. With ``loop``
            they ask in an event loop of the library's own, which cancels such requests.
        tool_policy: With ``all``, the ensemble calls tools only if all members do; with
            ``capable_only``, members that cannot are not asked in calls with tools.
        stream_progress: Whether streams begin with the state of the vote, as ``thinking_delta``.
        trace: The content of ``additional_kwargs["bestofinf"]``: the ``full`` trace, the ``counts``
            without texts of the models, or nothing (``off``).
        history_filter: Function of the messages of a call and a member, which returns the messages
            for the member. None makes messages of other members portable if members are of several
            classes.

    The other attributes are those of `EnsembleFields`. By default (``auto``) the answer type also
    reads steps of ReAct agents; ``citations`` votes on cited sources.
    """

    sync_strategy: Literal["threads", "loop"] = "threads"
    tool_policy: Literal["all", "capable_only"] = "all"
    stream_progress: bool = False
    trace: TraceDetail = "full"
    history_filter: Any = Field(default=None, exclude=True)

    _single_member: ClassVar[tuple[type, ...]] = (LLM, Member)

    _kept: Kept = PrivateAttr(default_factory=lambda: Kept(()))

    def __init__(self, members: Any = None, /, **kwargs: Any) -> None:
        EnsembleFields.__init__(self, members, **kwargs)
        self._kept = Kept(self._members)
        warn_of_fixed(self._members, self.max_samples)

    def _read_members(self, given: Any) -> tuple[Member[Any], ...]:
        return resolve_members(given)

    @classmethod
    def _made(cls, member: MemberConfig) -> Any:
        return model_of(member)

    def _model_name(self, model: LLM) -> str:
        return model_name(model)

    def _read_scorer(self, given: Any) -> Scorer | None:
        from llamaindex_bestofinf.scorers import resolve_scorer

        return resolve_scorer(given)

    def _read_higher(self, given: Any) -> Member[Any]:
        model = checked_llm(given, "escalate_to")
        return Member(model, name=model_name(model))

    def _read_answer(self, given: Any) -> Any:
        return named_answer(given)

    def with_settings(self, **changes: Any) -> Self:
        """Return a copy with other settings, for components that pass no arguments on.

        The copy shares the members, their health and their limits with this ensemble.

        Raises:
            UsageError: If a setting is unknown or out of its range.
        """
        known = EnsembleSettings.model_fields.keys()
        changes = dict(changed_settings(changes, known - _FIXED))
        fixed, unknown = changes.keys() & _FIXED, changes.keys() - known
        if fixed or unknown:
            raise UsageError(
                f"{min(fixed or unknown)!r} is no setting that a copy may change"
                + (": use with_weights" if "weights" in fixed else "")
            )
        try:
            # Checked as in the constructor, but without reading the members again.
            self.__pydantic_validator__.validate_python(
                {**{name: self.__dict__[name] for name in type(self).model_fields}, **changes},
                self_instance=self.model_copy(),
            )
        except ValidationError as error:
            raise UsageError(one_line(error.errors(include_url=False))) from error
        copy = self.model_copy(update=changes)
        copy._renew()
        copy._check()
        return copy
