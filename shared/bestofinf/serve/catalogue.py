"""The models that are served: every ensemble of the file, and the members under their own names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from bestofinf.ensemble import Endpoint, Ensemble
from bestofinf.ensemble.config import Config, EnsembleConfig, MemberConfig
from bestofinf.ensemble.loading import member_of, members_of, model_of
from bestofinf.records import Member

CLIENT_KEY: ContextVar[str | None] = ContextVar("bestofinf_client_key", default=None)
"""The key of who is asking, for members that are asked with it."""

Kinds = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Served:
    """A model name, and who answers to it.

    Attributes:
        name: As clients ask for it.
        ensemble: Who votes.
        bare: The only member, where it is asked once and by URL: its words are passed on as they
            come. None otherwise.
        serving: What the file says of the ensemble to a server alone.
        kind: "ensemble", or "model" for a member under its own name.
    """

    name: str
    ensemble: Ensemble
    bare: Member[Any] | None = None
    serving: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "ensemble"


class Catalogue:
    """All models of one reading of the file.

    Args:
        config: The file.
        own: Further kinds of members by their prefix; see `bestofinf.ensemble.named_model`.
        before: The catalogue that this one follows: members that are described as before keep
            their connections.

    Raises:
        UsageError: If a member cannot be reached by what the file says.
        MissingExtraError: If a package that a member needs is not installed.
    """

    def __init__(self, config: Config, *, own: Kinds, before: Catalogue | None = None) -> None:
        self.config = config
        self._own = own
        self._models: dict[MemberKey, Any] = {}
        self._before = before._models if before is not None else {}
        self._served = {name: self._ensemble(chosen) for name, chosen in config.ensembles.items()}
        for member in _exposed(config):
            self._served[member.name] = self._alone(member)
        self._before = {}

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    def get(self, name: str) -> Served | None:
        """Return who answers to a name; None if nobody does."""
        return self._served.get(name)

    async def aclose(self, *, but: Catalogue | None = None) -> None:
        """Close the connections of the running event loop, except those that another one uses."""
        kept = {id(model) for model in (but._models.values() if but is not None else ())}
        for model in self._models.values():
            if isinstance(model, Endpoint) and id(model) not in kept:
                with contextlib.suppress(asyncio.CancelledError):
                    await model.aclose()

    def _ensemble(self, chosen: EnsembleConfig) -> Served:
        found = members_of(self.config, chosen, self._model, given={})
        settings = dict(chosen.settings)
        ensemble = Ensemble(found, calibration=chosen.calibration, **settings)
        return Served(chosen.name, ensemble, _bare(ensemble, found), chosen.serving)

    def _alone(self, member: MemberConfig) -> Served:
        found = member_of(member, self._model(member))
        ensemble = Ensemble([found], rule="fixed:n=1", max_samples=64)
        return Served(member.name, ensemble, _bare(ensemble, [found]), kind="model")

    def _model(self, member: MemberConfig) -> Any:
        """Return the model of a member: one for all who ask it, so that they share its slots."""
        key = MemberKey.of(member)
        if key not in self._models:
            known = self._before.get(key)
            asked = replace(member, ask=member.ask or "plain")
            self._models[key] = known or model_of(asked, own=self._own, client_key=CLIENT_KEY.get)
        return self._models[key]


@dataclass(frozen=True)
class MemberKey:
    """What a member's connections depend on, as text: tables cannot be hashed."""

    text: str

    @classmethod
    def of(cls, member: MemberConfig) -> MemberKey:
        """Return it for a member."""
        return cls(repr(member))


def _bare(ensemble: Ensemble, members: list[Member[Any]]) -> Member[Any] | None:
    """Return the member whose words may be passed on as they come; None if there is none."""
    plan = ensemble.plan()
    once = plan.max_samples == 1 or str(plan.rule) == "fixed:n=1"
    voting = [member for member in members if member.weight]
    if once and len(voting) == 1 and isinstance(voting[0].model, Endpoint):
        return voting[0]
    return None


def _exposed(config: Config) -> list[MemberConfig]:
    """Return the members that may be asked by themselves, unless an ensemble keeps them to itself."""
    hidden: set[str] = set()
    for chosen in config.ensembles.values():
        if chosen.serving.get("expose_members") is False:
            hidden |= chosen.weights.keys()
    members = [m for m in config.members.values() if m.url is not None or m.model is not None]
    return [member for member in members if member.name not in hidden]
