"""Makes ensembles from a configuration file, with members that the file or the program gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self

from bestofinf._extras import require
from bestofinf.ensemble.config import (
    Config,
    EnsembleConfig,
    FileWeights,
    MemberConfig,
    read_config,
)
from bestofinf.ensemble.members import read_fit
from bestofinf.errors import MissingExtraError, UsageError
from bestofinf.records import Member


def read_weights(weights: Any) -> Any:
    """Return weights, read from their file if they are a path.

    The file is that of a fit, or of an ensemble if it ends in ``.toml``.

    Raises:
        UsageError: If the file cannot be read or has no weights.
    """
    if not isinstance(weights, str | PathLike):
        return weights
    if Path(weights).suffix != ".toml":
        return read_fit(weights)
    name = weights.ensemble if isinstance(weights, FileWeights) else None
    return read_config(weights).ensemble(name).weights


Make = Callable[[MemberConfig], Any]
"""Makes the model of a member that has a `url` or names its `model`."""


class Loaded:
    """Base of ensembles with the constructor `load`."""

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        ensemble: str | None = None,
        *,
        members: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Self:
        """Return an ensemble of a configuration file, as ``bestofinf advise --out`` writes it.

        ``reload()`` reads its weights from the file again.

        Args:
            path: The file; see `bestofinf.ensemble.config`.
            ensemble: Name of the ensemble; None for the only one in the file.
            members: Models by member name, for members without a url or model in the file, and
                for others instead of those in the file.
            settings: Further settings, which replace those of the file.

        Raises:
            UsageError: If anything in the file is wrong, a member is missing, or a name in
                `members` is no member's.
            MissingExtraError: If a package that a member needs is not installed.
        """
        config = read_config(path)
        chosen = config.ensemble(ensemble)
        found = members_of(config, chosen, cls._made, given=members or {})
        weights = FileWeights(fspath(path), chosen.name)
        own = {"weights": weights, "calibration": chosen.calibration, **chosen.settings}
        return cls(found, **{**own, **settings})  # type: ignore[call-arg]

    @classmethod
    def _made(cls, member: MemberConfig) -> Any:
        """Return the model of a member with a `url` or a `model`."""
        return model_of(member)


def members_of(
    config: Config, ensemble: EnsembleConfig, make: Make, *, given: Mapping[str, Any]
) -> list[Member[Any]]:
    """Return the members of an ensemble.

    A member of weight 0 that has no model in the file and is not given is left out.

    Args:
        config: The file.
        ensemble: One of its ensembles.
        make: Makes the model of a member from its table.
        given: Models by member name, given by the program.

    Raises:
        UsageError: If a member is missing, or a given name is no member's.
    """
    unknown = given.keys() - config.members.keys()
    if unknown:
        raise UsageError(
            f"members: {min(unknown)!r} is not a member in {config.path}, which has "
            f"{', '.join(config.members)}"
        )
    found, missing = [], []
    for name, weight in ensemble.weights.items():
        member = config.members.get(name)
        if name in given:
            model = given[name]
        elif member is None or (member.url is None and member.model is None):
            if weight:
                missing.append(name)
            continue
        else:
            model = make(member)
        found.append(member_of(member or MemberConfig(name), model, weight))
    if missing:
        raise UsageError(
            f"{config.path}: no model for {', '.join(map(repr, missing))}: give it in the program, "
            "load(..., members={NAME: model}), or write in [members.NAME] "
            "url and model, or model = 'provider:name'"
        )
    return found


def member_of(config: MemberConfig, model: Any, weight: float = 1.0) -> Member[Any]:
    """Return a member with its model and the settings that the file has for it."""
    if isinstance(model, Member):
        model = model.model
    own = {
        name: value
        for name in ("max_tokens", "temperature")
        if (value := getattr(config, name)) is not None and config.url is None
    }
    return Member(
        model,
        weight=weight,
        name=config.name,
        cost=config.cost,
        price=config.price,
        call_kwargs=own,
        concurrency=config.concurrency,
        system=config.system,
        logprobs=config.logprobs,
    )


def served_model(member: MemberConfig, module: str, name: str, *, extra: str, **more: Any) -> Any:
    """Return a framework's client of an OpenAI-compatible server for a member at a `url`.

    Args:
        member: The member.
        module: Module of the client's class; its package has the same name with hyphens.
        name: Name of the class.
        extra: The extra of this distribution that installs the framework.
        more: Further arguments besides the model, its key and limits; None values are left out.

    Raises:
        UsageError: If the member renames or drops fields, which such clients cannot do, or its key
            is not set.
        MissingExtraError: If the package is not installed.
    """
    if member.rename or member.drop:
        raise UsageError(
            f"member {member.name!r}: {name} does not rename or drop fields; give a model of your "
            "own, load(..., members={...}), or ask through bestofinf.Ensemble"
        )
    try:
        kind = getattr(require(module, extra=extra, purpose="a member with a url"), name)
    except MissingExtraError as missing:
        package = module.replace(".", "-").replace("_", "-")
        missing.msg = f"member {member.name!r} has a url: pip install {package}"
        raise
    more |= {limit: getattr(member, limit) for limit in ("max_tokens", "temperature", "timeout")}
    return kind(
        model=member.model,
        api_key=member.secret(),
        max_retries=0,  # the ensemble retries
        **{argument: value for argument, value in more.items() if value is not None},
    )


def model_of(
    member: MemberConfig,
    *,
    own: Mapping[str, Callable[..., Any]] | None = None,
    client_key: Callable[[], str | None] | None = None,
) -> Any:
    """Return the model of a member, for ensembles without a framework.

    Args:
        member: With a `url`, or a `model` that `named_model` knows.
        own: Further kinds of models by their prefix.
        client_key: Returns the key that a client of the server has sent, for members with
            ``key = "client"``; None outside a server.

    Raises:
        UsageError: If the model is unknown, or its key is not set.
    """
    # Imported here, because an adapter's own members do not need them.
    from bestofinf.ensemble.endpoint import Endpoint
    from bestofinf.ensemble.named import named_model

    if member.url is None:
        return named_model(str(member.model), own=own)
    if member.key == "client" and client_key is None:
        member.secret()  # raises the error
    endpoint = Endpoint(
        str(member.model),
        url=member.url,
        key=client_key if member.key == "client" else None,
        key_variable=member.key_variable,
        max_tokens=member.max_tokens,
        temperature=member.temperature,
        extra=member.set,
        rename=member.rename,
        drop=member.drop,
        stream=member.ask != "plain",
        timeout=member.timeout or Endpoint.timeout,
        connections=member.concurrency,  # a limit for all ensembles that share the member
    )
    endpoint.check()
    return endpoint
