"""The configuration file: ensembles and their members in TOML.

``[members.NAME]`` says how a member is reached, ``[ensembles.NAME]`` has weights and settings, and
the tables ``calibration`` and ``judged_on`` learned from labels. ``[serve]`` is for the server
alone. A secret is written ``env:NAME``, the environment variable that holds it.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bestofinf.answers.names import ANSWER_NAMES
from bestofinf.border import read_text
from bestofinf.ensemble.members import read_fit
from bestofinf.ensemble.plan import KNOBS, VotePlan
from bestofinf.ensemble.settings import read_explore
from bestofinf.ensemble.unvotable import WAYS
from bestofinf.errors import BestOfInfError, UsageError, is_number, shown
from bestofinf.evaluation import Explore
from bestofinf.records import Member
from bestofinf.voting.confidence import ConfidenceCalibration

SECRET = "env:"
_TEXTS = ("url", "model", "key", "system")
_COUNTS = ("max_tokens", "concurrency")
_NUMBERS = {"temperature": 0.0, "cost": 1e-12, "timeout": 1e-12}  # name: minimum
_TABLES = ("rename", "set")
_WORDS = {"ask": ("plain", "stream"), "logprobs": ("raw", "processed")}
_OTHER = ("price", "drop", *_WORDS)
MEMBER_KEYS = frozenset({*_TEXTS, *_COUNTS, *_NUMBERS, *_TABLES, *_OTHER})
_SHARES = ("min_confidence", "coverage")
VOTE_KEYS = frozenset(KNOBS - {"retry_on"} | {"cooldown", "explore", *_SHARES})
"""Settings of an ensemble that its table may have."""
SERVER_KEYS = frozenset({"expose_members", "usage", "temperature"})
"""Keys in the table of an ensemble that only a server reads."""
ENSEMBLE_KEYS = frozenset(
    {"members", "weights", "on_unvotable", "calibration", "judged_on", *VOTE_KEYS, *SERVER_KEYS}
)
Place = tuple[str, ...]


@dataclass(frozen=True)
class MemberConfig:
    """How a member is reached: at a `url`, by the name of a `model`, or given by the program.

    Attributes:
        name: Name of the member in weights, decisions and stores.
        url: Address of an OpenAI-compatible server.
        model: The server's name for the model; without a `url`, ``provider:name``.
        key: ``env:NAME``, the variable that holds the key; or ``client``, the client's own key.
        max_tokens: Maximum number of tokens of a reply.
        temperature: Temperature of its samples, at least 0.
        system: Instructions before the messages, unless these begin with some.
        concurrency: Maximum number of requests in flight to it.
        cost: Price of a sample relative to the other members, above 0.
        price: Money for one token read and one generated.
        timeout: Time limit for one request, in seconds.
        ask: ``plain`` or ``stream``; None takes the default of the endpoint.
        logprobs: Log-probabilities to ask for, ``raw`` or ``processed``; see `Member`.
        rename: The server's names for fields with other names there.
        drop: Fields that the server does not accept.
        set: Further fields of every request.
    """

    name: str
    url: str | None = None
    model: str | None = None
    key: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    system: str | None = None
    concurrency: int | None = None
    cost: float = 1.0
    price: tuple[float, float] = (0.0, 0.0)
    timeout: float | None = None
    ask: str | None = None
    logprobs: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key_variable(self) -> str | None:
        """The environment variable that holds the key; None if the file names none."""
        return self.key.removeprefix(SECRET) if self.key and self.key.startswith(SECRET) else None

    def secret(self) -> str:
        """Return the key to send, from its variable; ``"none"`` for a server without keys.

        Raises:
            UsageError: If the variable is not set, or the key is that of a client.
        """
        if self.key == "client":
            raise UsageError(f"member {self.name!r}: only a server can use key = 'client'")
        at_openai = urlsplit(self.url or "").hostname == "api.openai.com"
        variable = self.key_variable or ("OPENAI_API_KEY" if at_openai else None)
        if variable is None:
            return "none"
        if not (key := os.environ.get(variable, "").strip()):
            raise UsageError(f"member {self.name!r} needs a key: set {variable}")
        return key

    @classmethod
    def of_name(cls, name: str) -> MemberConfig:
        """Return a member from ``MODEL@URL``, ``provider:name``, or a name alone.

        >>> MemberConfig.of_name("qwen3-8b@http://127.0.0.1:8080/v1").url
        'http://127.0.0.1:8080/v1'
        """
        model, at, rest = name.partition("@http")
        if at:
            return cls(name, url=f"http{rest}", model=model.removeprefix("openai:"))
        return cls(name, model=name if ":" in name.strip(":") else None)


@dataclass(frozen=True)
class EnsembleConfig:
    """One ensemble of the file.

    Attributes:
        name: Name of the ensemble.
        weights: Weight by name of the member, each at least 0 and not all 0.
        settings: Further settings, as keywords of `bestofinf.Ensemble`.
        calibration: Probability that its decisions are right, learned from labels; None if unknown.
        judged_on: The questions and figures of its evaluation; empty if unknown.
        serving: Settings for a server alone; see `SERVER_KEYS`.
    """

    name: str
    weights: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    calibration: ConfidenceCalibration | None = None
    judged_on: Mapping[str, Any] = field(default_factory=dict)
    serving: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A configuration file that has been checked.

    Attributes:
        path: The file.
        members: Members by name.
        ensembles: Ensembles by name.
        serve: The table ``[serve]``, not checked.
    """

    path: Path
    members: Mapping[str, MemberConfig]
    ensembles: Mapping[str, EnsembleConfig]
    serve: Mapping[str, Any] = field(default_factory=dict)

    def ensemble(self, name: str | None = None) -> EnsembleConfig:
        """Return the ensemble with a name; None stands for the only one in the file.

        Raises:
            UsageError: If there is no such ensemble, or there are several and no name.
        """
        names = ", ".join(self.ensembles)
        if name is None and len(self.ensembles) == 1:
            return next(iter(self.ensembles.values()))
        if name is None or name not in self.ensembles:
            asked = "name one of its ensembles" if name is None else f"no [ensembles.{name}]"
            raise UsageError(f"{self.path}: {asked}; there are {names or 'none'}")
        return self.ensembles[name]


@dataclass(frozen=True)
class FileWeights:
    """The place of an ensemble's weights, a path from which ``reload()`` reads them again.

    Attributes:
        path: The file.
        ensemble: Name of the ensemble; None for the only one.
    """

    path: str
    ensemble: str | None = None

    def __fspath__(self) -> str:
        """Return the path, so that it can be opened like one."""
        return self.path


def read_config(path: str | PathLike[str]) -> Config:
    """Read a configuration file and check everything in it.

    Raises:
        UsageError: If the file cannot be read or has mistakes; lists all with their places.
    """
    file = Path(path)
    try:
        record = tomllib.loads(read_text(file))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # numbers with thousands of digits, deep nesting
        raise UsageError(f"{file}: not TOML: {error}") from None
    reader = _Reader(file)
    config = reader.config(record)
    if reader.wrong:
        raise UsageError(f"{file}: " + "; ".join(reader.wrong))
    return config


class _Reader:
    """Reads tables and notes every mistake."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.wrong: list[str] = []

    def note(self, place: Place, told: str) -> None:
        self.wrong.append(f"[{'.'.join(place)}] {told}")

    def config(self, record: Mapping[str, Any]) -> Config:
        for name in record.keys() - {"members", "ensembles", "serve"}:
            self.wrong.append(f"{name}: unknown; wanted [members.NAME], [ensembles.NAME], [serve]")
        serve = record.get("serve", {})
        if not isinstance(serve, Mapping):
            self.note(("serve",), f"must be a table, got {shown(serve)}")
        members = {n: self.member(n, t) for n, t in self.tables(record, "members")}
        ensembles = {n: self.ensemble(n, t, members) for n, t in self.tables(record, "ensembles")}
        if not ensembles:
            self.wrong.append("no [ensembles.NAME]")
        for name in members.keys() & ensembles.keys():
            self.note(("ensembles", name), "has the name of a member; both are model names")
        return Config(self.file, members, ensembles, serve)

    def tables(self, record: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        found = record.get(kind, {})
        for name, table in found.items() if isinstance(found, Mapping) else [("", found)]:
            if isinstance(table, dict) and name:
                yield name, table
            else:
                self.note((kind, name) if name else (kind,), "must be a table")

    def known(self, place: Place, table: Mapping[str, Any], keys: frozenset[str]) -> None:
        for name in sorted(table.keys() - keys):
            near = difflib.get_close_matches(name, keys, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            self.note(place, f"{name}: unknown{hint}")

    def member(self, name: str, table: dict[str, Any]) -> MemberConfig:
        place = ("members", name)
        self.known(place, table, MEMBER_KEYS)
        found = {key: value for key, value in table.items() if key in MEMBER_KEYS}
        for key, value in list(found.items()):
            told = _wrong_in_member(key, value)
            if told:
                self.note(place, f"{key}: {told}")
                del found[key]
        if "url" in found and "model" not in table:
            self.note(place, "model: missing; with a url, give the server's name for the model")
        found |= {key: tuple(found[key]) for key in ("price", "drop") if key in found}
        return MemberConfig(name, **found)

    def ensemble(
        self, name: str, table: dict[str, Any], members: Mapping[str, MemberConfig]
    ) -> EnsembleConfig:
        place = ("ensembles", name)
        self.known(place, table, ENSEMBLE_KEYS)
        weights = self.weights(place, table)
        for member, weight in weights.items():
            if member not in members and weight:
                self.note(place, f"members: {member!r} has no table [members.{member}]")
        settings = {k: v for k, v in table.items() if k in VOTE_KEYS or k == "on_unvotable"}
        for key, value in settings.items():
            told = _wrong_in_ensemble(key, value)
            if told:
                self.note(place, told if told.startswith(key) else f"{key}: {told}")
        judged_on = table.get("judged_on", {})
        if not isinstance(judged_on, Mapping):
            self.note(place, f"judged_on: must be a table, got {shown(judged_on)}")
        calibration = None
        if "calibration" in table:
            try:
                calibration = ConfidenceCalibration.from_json(table["calibration"])
            except UsageError as error:
                self.note(place, f"calibration: {error}")
        if isinstance(settings.get("explore"), Mapping):
            try:
                settings["explore"] = Explore(**settings["explore"])
            except (TypeError, UsageError):
                del settings["explore"]  # noted above
        return EnsembleConfig(
            name,
            weights,
            settings,
            calibration,
            judged_on,
            {key: table[key] for key in SERVER_KEYS & table.keys()},
        )

    def weights(self, place: Place, table: Mapping[str, Any]) -> dict[str, float]:
        given, file = table.get("members"), table.get("weights")
        if (given is None) == (file is None):
            self.note(place, "give members = { NAME = WEIGHT } or weights = FILE of a fit")
            return {}
        if file is not None:
            if not isinstance(file, str):
                self.note(place, f"weights: must be the name of a file, got {shown(file)}")
                return {}
            try:
                given = read_fit(self.file.parent / file)
            except UsageError as error:
                self.note(place, str(error))
                return {}
        if isinstance(given, list) and all(isinstance(name, str) for name in given):
            given = dict.fromkeys(given, 1.0)
        if not isinstance(given, Mapping) or not given:
            self.note(place, f"members: must be a table of weights, got {shown(given)}")
            return {}
        weights = {}
        for name, weight in given.items():
            if not is_number(weight) or not 0 <= weight < float("inf"):
                told = f"the weight of {name!r} must be at least 0, got {shown(weight)}"
                self.note(place, f"members: {told}")
            else:
                weights[name] = float(weight)
        if len(weights) == len(given) and not any(weights.values()):
            self.note(place, "members: all weights are 0")
        return weights


def _wrong_in_member(key: str, value: Any) -> str:
    """Return what is wrong with a value in a member's table; the empty text if it is right."""
    if key in _TEXTS:
        if not isinstance(value, str) or not value:
            return f"must be text, got {shown(value)}"
        return _wrong_text(key, value)
    if key in _COUNTS:
        right = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        return "" if right else f"must be a whole number of at least 1, got {shown(value)}"
    if key in _NUMBERS:
        least = _NUMBERS[key]
        if is_number(value) and least <= value < float("inf"):
            return ""
        return f"must be {'at least 0' if not least else 'above 0'}, got {shown(value)}"
    if key == "price":
        right = isinstance(value, list) and len(value) == 2
        right = right and all(is_number(p) and 0 <= p < float("inf") for p in value)
        told = f"must be [input, output], money for one token each, got {value!r:.60}"
        return "" if right else told
    if key == "drop":
        right = isinstance(value, list) and all(isinstance(name, str) for name in value)
        return "" if right else f"must be a list of names of fields, got {shown(value)}"
    if key in _WORDS:
        told = f"must be {' or '.join(map(repr, _WORDS[key]))}, got {shown(value)}"
        return "" if value in _WORDS[key] else told
    if not isinstance(value, Mapping):
        return f"must be a table, got {shown(value)}"
    texts = key != "rename" or all(isinstance(name, str) for name in value.values())
    return "" if texts else f"must map names of fields to new names, got {shown(value)}"


def _wrong_text(key: str, value: str) -> str:
    if key == "key" and value != "client" and not (value.startswith(SECRET) and value[4:].strip()):
        return "must be env:NAME, the environment variable that holds the secret, not the secret"
    if key == "url":
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            return "must be the address of a server, such as http://127.0.0.1:8080/v1"
        if parts.password is not None or "key=" in parts.query.lower():
            return "contains a secret: put it into the environment and write key = 'env:NAME'"
    return ""


def _wrong_in_ensemble(key: str, value: Any) -> str:
    """Return what is wrong with a setting of an ensemble; the empty text if it is right."""
    if key == "answer" and value not in ANSWER_NAMES:
        return f"must be one of {', '.join(ANSWER_NAMES)}, got {shown(value)}"
    if key in ("rule", "selector") and not isinstance(value, str):
        return f"must be text, got {shown(value)}"
    if key == "on_unvotable":
        return "" if value in WAYS else f"must be one of {', '.join(WAYS)}, got {shown(value)}"
    if key in ("cooldown", *_SHARES):
        most = 1.0 if key in _SHARES else float("inf")
        right = is_number(value) and 0 <= value <= most
        return "" if right else f"must be from 0 to {most:g}, got {shown(value)}"
    try:
        if key == "explore":
            read_explore(Explore(**value) if isinstance(value, Mapping) else value)
        else:
            given = {"answer": "text", key: value}  # an answer type that every rule accepts
            VotePlan.make([Member(None, name="member", price=(1.0, 1.0))], **given)
    except (BestOfInfError, TypeError, ValueError) as error:
        return " ".join(str(error).split())
    return ""
