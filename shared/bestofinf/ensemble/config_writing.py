"""Writes an ensemble into a configuration file, and keeps everything else in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import InlineTable, Table

from bestofinf.ensemble.config import EnsembleConfig, MemberConfig
from bestofinf.errors import UsageError

_HEAD = "Ensembles and their members: the file of bestofinf ask, run, serve, doctor and load()."
_GIVEN = 'given by the program, load(members={...}), or by: url = "http://...", model = "..."'


def write_config(
    path: str | PathLike[str], ensemble: EnsembleConfig, members: Sequence[MemberConfig]
) -> Path:
    """Write an ensemble to a configuration file, which is created or changed.

    An ensemble of the same name is replaced. Everything else remains: other ensembles, comments,
    and existing tables of members with their edits. The file is replaced in one step.

    Returns:
        The path of the file.

    Raises:
        UsageError: If an existing file is not TOML, or the file cannot be written.
    """
    file = Path(fspath(path))
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        text = written(before, ensemble, members)
        part = file.with_name(f".{file.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{file}: not a configuration to add to: {error}") from None
    return file


def written(before: str, ensemble: EnsembleConfig, members: Sequence[MemberConfig]) -> str:
    """Return the text of a file with an ensemble, and those of its members that it lacks.

    Args:
        before: What stands in the file; empty for a new one.
        ensemble: Takes the place of the one of its name.
        members: Members that are there already stay as they are.
    """
    document = tomlkit.parse(before)
    if not before.strip():
        document.add(tomlkit.comment(_HEAD))
    for name in ("members", "ensembles"):
        if name not in document:
            document.add(name, tomlkit.table(is_super_table=True))
    known: Any = document["members"]
    for member in members:
        if member.name not in known:
            known.add(member.name, _member(member))
    ensembles: Any = document["ensembles"]
    if ensemble.name in ensembles:
        ensembles[ensemble.name] = _ensemble(ensemble)
    else:
        ensembles.add(ensemble.name, _ensemble(ensemble))
    return tomlkit.dumps(document)


def _member(member: MemberConfig) -> Table:
    table = tomlkit.table()
    plain = MemberConfig(member.name)
    for f in fields(member):
        value = getattr(member, f.name)
        if f.name != "name" and value != getattr(plain, f.name):
            table.add(f.name, _value(value))
    if member.url is None and member.model is None:
        table.add(tomlkit.comment(_GIVEN))
    return table


def _ensemble(ensemble: EnsembleConfig) -> Table:
    table = tomlkit.table()
    table.add("members", _inline(ensemble.weights))
    for name, value in {**ensemble.settings, **ensemble.serving}.items():
        if value is not None:
            table.add(name, _value(value))
    learned = None if ensemble.calibration is None else ensemble.calibration.to_json()
    for name, given in (("calibration", learned), ("judged_on", ensemble.judged_on)):
        if given:
            below = tomlkit.table()
            for key, value in _without_none(given).items():
                below.add(key, _value(value))
            table.add(name, below)
    return table


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _inline(value)
    if hasattr(value, "__dataclass_fields__"):
        return _inline(asdict(value))
    if isinstance(value, tuple | list):
        array = tomlkit.array()
        for entry in value:
            array.append(_value(entry))
        return array
    return value


def _inline(given: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for key, value in _without_none(given).items():
        table.append(key, _value(value))
    return table


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping without the keys whose value is None, because TOML has no null."""
    return {key: value for key, value in given.items() if value is not None}
