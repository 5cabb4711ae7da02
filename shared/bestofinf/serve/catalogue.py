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
"""The key of the client, for members that are asked with the client's own key."""

Kinds = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Served:
    """A model name, and the ensemble behind it.

    Attributes:
        name: The name that clients use.
        ensemble: The ensemble that votes.
        bare: The only member, if it is a member by URL that is asked once: its reply is passed on
            unchanged. None otherwise.
        serving: Settings of the ensemble in the file that concern only the server.
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
        before: The catalogue that this one replaces: members with the same description keep their
            connections.

    Raises:
        UsageError: If the file does not say where a member is.
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
        """Return the model of a name; None if there is none."""
        return self._served.get(name)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        for model in self._models.values():
            if isinstance(model, Endpoint):
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
        """Return the model of a member, the same object for all ensembles, so that they share its slots."""
        key = MemberKey.of(member)
        if key not in self._models:
            known = self._before.get(key)
            asked = replace(member, ask=member.ask or "plain")
            self._models[key] = known or model_of(asked, own=self._own, client_key=CLIENT_KEY.get)
        return self._models[key]


@dataclass(frozen=True)
class MemberKey:
    """The description of a member that its connections depend on, as hashable text."""

    text: str

    @classmethod
    def of(cls, member: MemberConfig) -> MemberKey:
        """Return it for a member."""
        return cls(repr(member))


def _bare(ensemble: Ensemble, members: list[Member[Any]]) -> Member[Any] | None:
    """Return the member whose reply may be passed on unchanged; None if there is none."""
    plan = ensemble.plan()
    once = plan.max_samples == 1 or str(plan.rule) == "fixed:n=1"
    voting = [member for member in members if member.weight]
    if once and len(voting) == 1 and isinstance(voting[0].model, Endpoint):
        return voting[0]
    return None


def _exposed(config: Config) -> list[MemberConfig]:
    """Return the members that are served under their own names, without those that are private."""
    hidden: set[str] = set()
    for chosen in config.ensembles.values():
        if chosen.serving.get("expose_members") is False:
            hidden |= chosen.weights.keys()
    members = [m for m in config.members.values() if m.url is not None or m.model is not None]
    return [member for member in members if member.name not in hidden]
