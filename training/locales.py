"""Take names of months, units and currencies from babel: ``python -m training.locales``.

Writes ``locales.json`` into the package, or with ``--check`` says whether it is what this makes.
Needs babel (made with 2.19.0, CLDR 48); the package itself does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bestofinf.answers.wording.units import CURRENCIES, MEASURES, SYMBOLS

LANGUAGES = ("en", "de", "fr", "es", "zh", "ja")
FILE = (
    Path(__file__).parents[1]
    / "shared" / "bestofinf" / "answers" / "wording" / "locales.json"
)  # fmt: skip


def months(locale: Any) -> dict[str, list[str]]:
    """Return the names of the months by their numbers, long and short, in small letters."""
    found: dict[str, list[str]] = {}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[context][width].items():
                bare = name.casefold().rstrip(".")
                names = found.setdefault(str(number), [])
                if bare not in names and not bare[0].isdigit():
                    names.append(bare)
    return found


def unit_names(locale: Any, unit: str) -> Iterator[str]:
    """Yield the long and short names of a unit, as they stand after a number."""
    patterns = locale._data["unit_patterns"].get(unit, {})
    for width in ("long", "short"):
        for form, pattern in sorted(patterns.get(width, {}).items()):
            for text in pattern.values() if isinstance(pattern, dict) else [pattern]:
                if form != "per" and isinstance(text, str) and text.startswith("{0}"):
                    yield text.removeprefix("{0}").strip().rstrip(".").casefold()


def _british(locale: Any, unit: str) -> Iterator[str]:
    if locale.language == "en":
        yield from unit_names(type(locale).parse("en_GB"), unit)


def units(locale: Any) -> dict[str, list[str]]:
    """Return the names of the units; a name of two units is left out, and so are symbols."""
    owners: dict[str, set[str]] = {}
    for unit in MEASURES:
        for name in (*unit_names(locale, unit), *_british(locale, unit)):
            if name and name not in SYMBOLS:
                owners.setdefault(name, set()).add(unit)
    return _inverted({name: own.pop() for name, own in owners.items() if len(own) == 1})


def currencies(locale: Any) -> dict[str, list[str]]:
    """Return the names of the currencies by their codes, one and many."""
    found: dict[str, str] = {}
    for code in CURRENCIES:
        names = {locale.currencies.get(code, "")}
        names |= set(locale._data["currency_names_plural"].get(code, {}).values())
        for name in names - {""}:
            found.setdefault(name.casefold(), code)
    return _inverted(found)


def _inverted(owners: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, owner in sorted(owners.items()):
        found.setdefault(owner, []).append(name)
    return dict(sorted(found.items()))


def made() -> str:
    """Return the file."""
    from babel import Locale

    told = {
        name: {
            language: table(Locale.parse(language)) for language in LANGUAGES
        }
        for name, table in (("months", months), ("units", units), ("currencies", currencies))
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> int:
    """Write the file; with ``--check`` the exit status is 1 where it is another."""
    parser = argparse.ArgumentParser(prog="python -m training.locales", description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        same = FILE.read_text(encoding="utf-8") == made()
        sys.stdout.write("the same\n" if same else "another\n")
        return int(not same)
    FILE.write_text(made(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
