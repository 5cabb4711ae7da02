"""The table ``[serve]`` of a configuration file: address, keys, store and limits of the server."""

from __future__ import annotations

import difflib
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

from bestofinf.ensemble.config import SECRET, Config
from bestofinf.ensemble.trace import TraceDetail
from bestofinf.errors import UsageError, is_number, shown
from bestofinf.evaluation.recording.privacy import Keep

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
HASHED = "sha256:"
OPTIONS = ("rule", "max_samples", "deadline", "usage", "question", "trace", "progress")
"""Options that a request may set under ``bestofinf``."""


@dataclass(frozen=True)
class Serving:
    """The settings by which the ensembles of a file are served.

    Attributes:
        host: Address to listen on. Any but loopback requires `keys`.
        port: Port to listen on; 0 takes a free one.
        keys: Clients' keys by name of the owner: ``env:NAME``, or ``sha256:`` and the hexadecimal
            hash of the key. If empty, no key is required.
        store: Evaluation store in which every call is recorded, or ``env:NAME`` for an address with
            a password; None records nothing.
        keep: What is stored of a call; see `bestofinf.evaluation.recording.privacy.Keep`.
        rescue: Folder for calls that the store refuses.
        store_wait: Maximum seconds that a reply waits until its call is in the store; 0 for no wait.
        allow: Options that a request may set under ``bestofinf``.
        trace: How much of the vote a response reports: ``full``, ``counts`` or ``off``.
        max_body: Maximum size of a request in bytes.
        max_in_flight: Maximum number of completions in flight in one process; more are refused with
            status 429.
        slow: Maximum seconds for a client to send its request.
        heartbeat: Seconds between comments that keep a waiting stream alive; the first is sent after
            this time.
        stop: Maximum seconds to finish requests in flight when told to stop.
        watch: Seconds between checks of the file, which is read again if it has changed; 0 for never.
        workers: Number of processes.
        cors: Origins of web pages that may send requests.
        view: Whether the page of the store is served at ``/view``.
        view_token: ``env:NAME``, the variable of a token that opens the page from other machines.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    store: str | None = None
    keep: Keep = "questions"
    rescue: str | None = None
    store_wait: float = 2.0
    allow: tuple[str, ...] = OPTIONS
    trace: TraceDetail = "full"
    max_body: int = 32 * 2**20
    max_in_flight: int = 1_000
    slow: float = 60.0
    heartbeat: float = 5.0
    stop: float = 30.0
    watch: float = 2.0
    workers: int = 1
    cors: tuple[str, ...] = ()
    view: bool = True
    view_token: str | None = None

    @property
    def local(self) -> bool:
        """Whether the server listens only to this machine."""
        return self.host in LOOPBACK

    def keyring(self) -> Keyring:
        """Return the keyring of the clients' keys.

        Raises:
            UsageError: If the variable of a key is not set.
        """
        return Keyring({name: _digest(name, given) for name, given in self.keys.items()})

    def store_address(self) -> str | None:
        """Return the address of the store; None for none.

        Raises:
            UsageError: If the file names a variable that is not set.
        """
        if self.store is None or not self.store.startswith(SECRET):
            return self.store
        variable = self.store.removeprefix(SECRET)
        address = os.environ.get(variable, "").strip()
        if not address:
            raise UsageError(f"[serve] store needs an address: set {variable}")
        return address

    def page_token(self) -> str | None:
        """Return the token that opens the page; None if the file names no variable.

        Raises:
            UsageError: If the variable is not set.
        """
        if self.view_token is None:
            return None
        variable = self.view_token.removeprefix(SECRET)
        token = os.environ.get(variable, "").strip()
        if not token:
            raise UsageError(f"[serve] view_token needs a word: set {variable}")
        return token


class Keyring:
    """Identifies clients by their keys, of which it has only the hashes.

    Args:
        digests: SHA-256 of each key, by name of the owner.
    """

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self._digests = dict(digests)

    def __bool__(self) -> bool:
        """Return whether a key is required."""
        return bool(self._digests)

    def owner(self, key: str | None) -> str | None:
        """Return the owner of a key; None if it is unknown. Takes the same time for every key."""
        given = hashlib.sha256((key or "").encode("utf-8", "replace")).digest()
        found = None
        for name, digest in self._digests.items():
            if hmac.compare_digest(digest, given):
                found = name
        return found


def _digest(name: str, given: str) -> bytes:
    if given.startswith(HASHED):
        return bytes.fromhex(given.removeprefix(HASHED))
    key = os.environ.get(given.removeprefix(SECRET), "").strip()
    if not key:
        raise UsageError(f"[serve] keys: {name!r} needs a key: set {given.removeprefix(SECRET)}")
    return hashlib.sha256(key.encode()).digest()


def read_serving(config: Config, **given: Any) -> Serving:
    """Return the settings of the server from a file.

    Args:
        config: The file.
        given: Settings that override those of the file; None for those that do not.

    Raises:
        UsageError: If anything is wrong; the message lists every mistake with its position.
    """
    table = {**config.serve, **{name: v for name, v in given.items() if v is not None}}
    known = {f.name for f in fields(Serving)}
    wrong = []
    for name in sorted(table.keys() - known):
        near = difflib.get_close_matches(name, known, 1)
        wrong.append(f"{name}: unknown" + (f"; did you mean {near[0]!r}?" if near else ""))
    found = {name: value for name, value in table.items() if name in known}
    for name, value in found.items():
        if told := _CHECKS[name](value):
            wrong.append(f"{name}: {told}")
    if not wrong:
        serving = _made(found)
        forwarding = [m.name for m in config.members.values() if m.key == "client"]
        if serving.keys and forwarding:
            wrong.append(
                f"keys: member {forwarding[0]!r} is sent the client's own key (key = 'client'), "
                "which can be no key of this server too"
            )
        if not serving.local and not serving.keys and len(forwarding) < len(config.members):
            wrong.append(
                f"host: {serving.host} is open to others: give keys = {{ NAME = 'env:VARIABLE' }}"
            )
        if serving.view_token is None and not serving.local and serving.store:
            serving = replace(serving, view=False)
    if wrong:
        raise UsageError(f"{config.path}: " + "; ".join(f"[serve] {told}" for told in wrong))
    return serving


def _made(found: Mapping[str, Any]) -> Serving:
    values = dict(found)
    if isinstance(values.get("keys"), list):
        values["keys"] = {key.removeprefix(SECRET): key for key in values["keys"]}
    for name in ("allow", "cors"):
        if name in values:
            values[name] = tuple(values[name])
    return Serving(**values)


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value else f"must be text, got {shown(value)}"


def _count(least: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        right = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return "" if right else f"must be a whole number of at least {least}, got {shown(value)}"

    return check


def _seconds(least: float) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        right = is_number(value) and least <= value < float("inf")
        return "" if right else f"must be seconds, at least {least:g}, got {shown(value)}"

    return check


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else f"must be true or false, got {shown(value)}"


def _among(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        right = isinstance(value, str) and value in choices
        return "" if right else f"must be one of {', '.join(choices)}, got {shown(value)}"

    return check


def _texts(choices: tuple[str, ...] | None = None) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        right = isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)
        if not right:
            return f"must be a list of texts, got {shown(value)}"
        unknown = [v for v in value if choices is not None and v not in choices]
        return (
            f"there is no {unknown[0]!r}; there are {', '.join(choices or ())}" if unknown else ""
        )

    return check


def _secret(value: Any) -> str:
    if isinstance(value, str) and value.startswith(SECRET) and value.removeprefix(SECRET).strip():
        return ""
    return "must be env:NAME, the environment variable that holds the secret, not the secret"


def _keys(value: Any) -> str:
    given = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(given, list) or not given:
        return "must be a table, { NAME = 'env:VARIABLE' }"
    for key in given:
        hashed = isinstance(key, str) and key.startswith(HASHED)
        if hashed and isinstance(value, Mapping):
            digest = key.removeprefix(HASHED)
            if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
                return "sha256: is followed by 64 hexadecimal digits in lower case"
        elif told := _secret(key):
            return told + ", or the key's hash as sha256:HEX"
    return ""


_CHECKS: Mapping[str, Callable[[Any], str]] = {
    "host": _text,
    "port": _count(0),
    "keys": _keys,
    "store": _text,
    "keep": _among(get_args(Keep)),
    "rescue": _text,
    "store_wait": _seconds(0.0),
    "allow": _texts(OPTIONS),
    "trace": _among(get_args(TraceDetail)),
    "max_body": _count(1_000),
    "max_in_flight": _count(1),
    "slow": _seconds(0.1),
    "heartbeat": _seconds(0.01),
    "stop": _seconds(0.1),
    "watch": _seconds(0.0),
    "workers": _count(1),
    "cors": _texts(),
    "view": _flag,
    "view_token": _secret,
}
