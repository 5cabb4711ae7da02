"""Settings that the chat model and the wrapper of chains have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from langchain_core.load.serializable import Serializable
from langchain_core.runnables.config import var_child_runnable_config
from pydantic import PrivateAttr

from bestofinf.ensemble import (
    Call,
    EnsembleFields,
    Line,
    MemberConfig,
    TraceDetail,
    call_settings,
    written_member,
)
from bestofinf.errors import UsageError, shown
from bestofinf.scorers import Scorer
from langchain_bestofinf.cache import SampleCacheMode, guarded, needs_guard
from langchain_bestofinf.callbacks import SampleCallbacks
from langchain_bestofinf.calls import EnsembleCall
from langchain_bestofinf.client import LangChainClient, Question
from langchain_bestofinf.loading import model_of
from langchain_bestofinf.members import Asked, model_name
from langchain_bestofinf.scorers import resolve_scorer
from langchain_bestofinf.streaming import Progress

NAMESPACE = "bestofinf"
"""Key of the settings in a configuration's ``configurable``."""


class EnsembleSettings(EnsembleFields, Serializable):
    """Settings of an ensemble in LangChain, and its serialised form.

    Attributes:
        sample_callbacks: Which handlers see the samples as child runs: ``tracers`` (and usage
            counters), ``all`` or ``none``.
        usage: The ``usage_metadata`` of a message: that of the ``winner``, from which programs read
            how full a context is, or the sum of ``all`` samples. Handlers that add up usage get
            every sample once with both.
        trace: The content of ``response_metadata["bestofinf"]``: the ``full`` trace, the ``counts``
            without texts of the models, or nothing (``off``).

    The other attributes are those of `EnsembleFields`.
    """

    sample_callbacks: SampleCallbacks = "tracers"
    usage: Literal["winner", "all"] = "winner"
    trace: TraceDetail = "full"

    _objects: bool = PrivateAttr(default=False)
    _asked: list[Asked] = PrivateAttr(default_factory=list)
    _cached: list[Asked] | None = PrivateAttr(default=None)  # the same, once a cache was in use

    def _model_name(self, model: Any) -> str:
        return model_name(model)

    def _read_scorer(self, given: Any) -> Scorer | None:
        return resolve_scorer(given)

    @classmethod
    def _made(cls, member: MemberConfig) -> Any:
        return model_of(member)

    @property
    def gives_objects(self) -> bool:
        """Whether replies are objects of a schema, and abstain if they cannot be read."""
        return self._objects

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True: an ensemble is serialised with its members, each in its own form."""
        return True

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Fields in a form that can be written and read again."""
        given = {name: getattr(self, name) for name in ("prices", "scorer", "selector")}
        weighted = self._state.weights is not None
        return {
            "members": [written_member(member) for member in self.members],
            "rule": self.rule if isinstance(self.rule, str) else str(self.rule),
            **({} if self.escalate_to is None else {"escalate_to": self.escalate_to}),
            "on_unvotable": written_member(self.on_unvotable),
            **({"weights": self.weight_by_member} if weighted else {}),
            **{name: value for name, value in given.items() if value is not None},
        }

    def _made_call(
        self,
        client: LangChainClient,
        question: Question,
        settings: Mapping[str, Any],
        *,
        line: Line | None = None,
        **more: Any,
    ) -> EnsembleCall:
        """Return one call, with the id of its run in the trace.

        Args:
            client: The client that asks the members.
            question: The question for the members.
            settings: Settings of this call alone.
            line: Sends the events of several calls in order; None makes one for this call.
            more: Further fields of `Call`.
        """
        manager = client.runs.manager
        key = manager.run_id if manager is not None else None
        plan, acceptance = self._resolve_call(settings, key)
        progress = Progress(manager, line)
        call = Call(
            client,
            question,
            plan,
            acceptance,
            self._state,
            scorer=self._scorer,
            observers=progress.observers(self.member_names, asynchronous=client.runs.asynchronous),
            details={} if key is None else {"call_id": str(key)},
            **more,
        )
        return EnsembleCall(call, progress)

    def _guarded_members(self, mode: SampleCacheMode = "indexed") -> list[Asked]:
        """Return how members are asked; if they have caches, these keep samples apart."""
        if not any(needs_guard(asked.model) for asked in self._asked):
            return self._asked
        if self._cached is None:
            self._cached = [
                replace(asked, model=guarded(asked.model, mode)) for asked in self._asked
            ]
        return self._cached


@contextmanager
def configuring(config: Mapping[str, Any]) -> Iterator[None]:
    """Make the caller's configuration available to the members, as in a chain.

    The settings of this ensemble are removed from it, because they are not for ensembles within.
    """
    given = {
        name: value
        for name, value in (config.get("configurable") or {}).items()
        if name != NAMESPACE and not str(name).startswith(f"{NAMESPACE}_")
    }
    around = var_child_runnable_config.get() or {}
    configurable = {**(around.get("configurable") or {}), **given}
    token = var_child_runnable_config.set({**around, "configurable": configurable})
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def configured(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings in a configuration.

    They are in ``configurable``, as ``{"bestofinf": {"rule": "fast"}}`` or as
    ``{"bestofinf_rule": "fast"}``. Names without the prefix belong to other steps.

    Raises:
        UsageError: If ``bestofinf`` is not a mapping, or a setting is unknown.
    """
    given = (config or {}).get("configurable") or {}
    if not given:
        return {}
    found = given.get(NAMESPACE) or {}
    if not isinstance(found, Mapping):
        raise UsageError(
            f"configurable[{NAMESPACE!r}] must map settings to values, got {shown(found)}"
        )
    prefix = f"{NAMESPACE}_"
    single = {k[len(prefix) :]: v for k, v in given.items() if str(k).startswith(prefix)}
    return call_settings({**found, **single})
