"""The models that a user names on the command line, and how they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf import Member
    from bestofinf.ensemble.asking import Ensemble
    from bestofinf.ensemble.call import Result
    from bestofinf.ensemble.chat import ChatModel
    from bestofinf.ensemble.config import MemberConfig
    from bestofinf.ensemble.plan import VotePlan
    from bestofinf.ensemble.state import EnsembleState

FORMS = "PROVIDER:MODEL[=WEIGHT]|FILE.toml"
"""The forms in which a model can be named, as `--help` shows them."""


def named(text: str) -> str:
    """Return the name of a model as given on the command line, without its weight."""
    return _parted(text)[0]


def plan_of(
    texts: Iterable[str],
    *,
    weights: str | None = None,
    temperature: float | None = None,
    base_url: str | None = None,
    prices: Mapping[str, tuple[float, float]] | None = None,
    **settings: Any,
) -> VotePlan[ChatModel]:
    """Return how an ensemble of named models votes.

    Args:
        texts: The models as given on the command line, each with or without a weight.
        weights: File of a fit; None for none.
        temperature: Sent to every model; None for their own.
        base_url: Address of a server; None for the providers' own.
        prices: Money for a token in and out, by model.
        settings: Those of `VotePlan.make`; None takes its default.

    Raises:
        UsageError: If a model is not known, a key is missing, or a setting is wrong.
    """
    from bestofinf.ensemble.loading import read_weights
    from bestofinf.ensemble.plan import VotePlan

    parted = [_parted(text) for text in texts]
    if weights is not None and any(weight is not None for _, weight in parted):
        raise UsageError("weights are given twice: with the models (-m) and as --weights; drop one")
    members = [
        _member(name, weight, temperature, base_url, (prices or {}).get(name, (0.0, 0.0)))
        for name, weight in parted
    ]
    given = {key: value for key, value in settings.items() if value is not None}
    return VotePlan.make(members, weights=read_weights(weights), **given)


def is_config(text: str) -> bool:
    """Return whether a text given for a model is the path of a configuration file (.toml)."""
    return text.endswith(".toml")


def ensemble_of(path: str, name: str | None = None, **settings: Any) -> Ensemble:
    """Return the ensemble of a configuration file, with some settings changed.

    Args:
        path: The file.
        name: Name of the ensemble; None for the only one.
        settings: Settings of `bestofinf.Ensemble` that replace the file's; None keeps the file's.

    Raises:
        UsageError: If anything in the file is wrong, or if it leaves a member to be given by a
            program.
        MissingExtraError: If a package is missing.
    """
    from bestofinf.ensemble.asking import Ensemble
    from bestofinf.ensemble.loading import model_of
    from bestofinf.tiny.chat import TinyMember

    class OfFile(Ensemble):
        @classmethod
        def _made(cls, member: MemberConfig) -> Any:
            return model_of(member, own={"tiny": TinyMember})

    given = {key: value for key, value in settings.items() if value is not None}
    return OfFile.load(path, name, **given)


def one_config(models: Iterable[str], others: Mapping[str, Any]) -> str | None:
    """Return the configuration file among the models; None if there is none.

    Args:
        models: The models as given on the command line.
        others: Values, by name, of the options that the file replaces; None if not given.

    Raises:
        UsageError: If nothing is given, or a file together with another model or such an option.
    """
    models = list(models)
    files = [text for text in models if is_config(text)]
    if not models:
        raise UsageError(
            "no model is given: add -m PROVIDER:MODEL, or a file such as ensemble.toml"
        )
    if not files:
        return None
    more = [name for name, value in others.items() if value is not None]
    if len(models) > 1 or more:
        raise UsageError(
            f"{files[0]} sets the models and how they are asked: give it alone, without "
            f"{more[0] if more else 'another model'}"
        )
    return files[0]


def ask_models(
    plan: VotePlan[ChatModel],
    question: str,
    *,
    state: EnsembleState | None = None,
    show: Callable[[dict[str, Any]], object] | None = None,
) -> Result:
    """Return the result of one question.

    Args:
        plan: The members and the settings of the vote.
        question: The question to ask.
        state: State of the ensemble that is shared between questions; None for a single question.
        show: Called with the state of the vote after every outcome; None shows nothing.

    Raises:
        SamplingError: If too few members answered.
    """
    import asyncio

    from bestofinf.ensemble.acceptance import Acceptance
    from bestofinf.ensemble.call import Call
    from bestofinf.ensemble.chat import ChatClient
    from bestofinf.ensemble.progress import events
    from bestofinf.ensemble.state import EnsembleState

    call = Call(ChatClient(), question, plan, Acceptance(), state or EnsembleState(plan.members))
    if show is not None:
        call.observers = [events(call.names, show)]
    return asyncio.run(call.arun())


def _parted(text: str) -> tuple[str, float | None]:
    """Return the name and the weight of a model; None if there is no weight."""
    name, equals, weight = text.rpartition("=")
    if not equals:
        return text, None
    try:
        return name, float(weight)
    except ValueError:
        if "@http" in text:  # of a name, or of the query of an address
            return text, None
        raise UsageError(f"--model {text!r}: the weight must be a number") from None


def _member(
    name: str,
    weight: float | None,
    temperature: float | None,
    base_url: str | None,
    price: tuple[float, float],
) -> Member[ChatModel]:
    from bestofinf import Member
    from bestofinf.ensemble.members import member_name
    from bestofinf.ensemble.named import named_model
    from bestofinf.tiny.chat import TinyMember

    model = named_model(name, base_url=base_url, temperature=temperature, own={"tiny": TinyMember})
    weight = 1.0 if weight is None else weight
    return Member(model, weight=weight, name=member_name(name), price=price)
