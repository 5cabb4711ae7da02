"""The words of a language made ready to look up: senses, phrases, stems, units, numbers."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from fractions import Fraction
from functools import cache, cached_property
from pkgutil import get_data
from typing import Any

from bestofinf.answers.wording.language import Language, folded, groups, listed
from bestofinf.answers.wording.languages import LANGUAGES
from bestofinf.answers.wording.units import BASES, MEASURES, SIGNS, SYMBOLS

INFLECTIONS = 3
"""Endings of at most so many letters may leave a stem of two."""

# Later ones win where a word has several.
_SENSES = (
    "tell", "noun", "document", "no", "yes", "filler", "preposition", "modal", "was", "be",
    "article", "or", "join", "guard", "negation",
)  # fmt: skip
_OWN_WORDS = """
    > more_than
    < under
    >= at_least
    <= at_most
    # nearly
    * every
    """
"""How keys write a comparator, understood in every language so that a key is its own key."""


@cache
def _locales() -> dict[str, Any]:
    # As modules are read, which may happen in an event loop too.
    found: dict[str, Any] = json.loads(get_data("bestofinf.answers.wording", "locales.json") or "")
    return found


class Lexicon:
    """The tables of a language, by word.

    Attributes:
        language: Where they come from.
        sense: What a word does in a sentence: ``article``, ``negation`` and so on.
        phrases: Words that stand for one, by their first; the longest first.
        modals: The sense of a modal, as the first word of its line.
        comparators: Sign of a comparator.
        rates: Unit of time in which something happens once.
        times: How many times an adverb means.
        units: What a name is counted in, how many of it, and the name of the unit.
        currencies: Code of a currency.
        months: Number of a month.
        numerals: Value of a number word.
        magnitudes: What a word multiplies the number before it by.
        equals: Stems that say the same as a stem, whatever is asked.
        synonyms: Those, and the ones that do where a value or a name is asked for.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._fields = {
            name: listed(value)
            for name in Language.__dataclass_fields__
            if isinstance(value := getattr(language, name), str)
        }
        self._fields["per"] += ("per",)  # keys are written with it
        self._sets: dict[str, frozenset[str]] = {}
        self.sense = self._senses()
        self.modals = {w: line[0] for line in groups(language.modals) for w in line}
        self.comparators = _by_word(_OWN_WORDS) | _by_word(language.comparators)
        self.rates = _by_word(language.rates)
        self.times = {word: int(n) for word, n in _by_word(language.times).items()}
        self.interrogatives = _by_word(language.interrogatives)
        self.months = self._months()
        self.short_months = frozenset(name for name in self.months if len(name) < 5)
        self.units = self._units()
        self.currencies = self._currencies()
        self.numerals = {w: Fraction(n) for w, n in _by_word(language.numerals).items()}
        self.magnitudes = {w: Fraction(n) for w, n in _by_word(language.hundreds).items()}
        self._endings = sorted(listed(language.endings), key=len, reverse=True)
        self._stems: dict[str, str] = {}
        self._irregular: dict[str, str] = {}
        self._irregular = {
            word: self._stem(line[0]) for line in groups(language.irregular) for word in line
        }
        self.quantities = {
            self.stem(word): kind for word, kind in _by_word(language.quantities).items()
        }
        self.equals = self._related(groups(language.synonyms))
        self.synonyms = self._related((*groups(language.synonyms), *groups(language.akin)))
        self.opposites = self._related(groups(language.opposites))
        self.prefixes = tuple(listed(language.prefixes))
        self.says: dict[str, frozenset[str]] = {}
        for asked, *said in groups(language.says):
            self.says[asked] = self.says.get(asked, frozenset()) | set(map(self.stem, said))
        self.afterwards = _by_word(language.afterwards)
        self.clock_names = {word: int(n) for word, n in _by_word(language.hours).items()}
        self.participles = tuple(self._fields["participles"])
        self.comparatives = tuple(self._fields["comparatives"])
        self.changes = frozenset(map(self.stem, self._fields["changes"]))
        small = (
            "articles",
            "be",
            "was",
            "prepositions",
            "auxiliaries",
            "negations",
            "doubles",
            "joins",
        )
        self.common = frozenset(w for table in small for w in self._fields[table]) | frozenset(
            part for phrase in self.interrogatives for part in phrase.split(" ")
        )
        self.phrases = self._phrases()
        self.beginnings = self._beginnings()
        self.linked = frozenset(self._fields["linked"])
        self.ones = frozenset(self._fields["ones"])
        self.affirms = frozenset((*self._fields["yes"], *self._fields["true"]))
        self.counters = tuple(
            name
            for names in (
                self.units,
                self.currencies,
                self._fields["counting"],
                self._fields["classifiers"],
            )
            for name in names
            if not name.isascii()
        )
        self.written = frozenset() if language.blanks else self._written()

    @cached_property
    def longest(self) -> int:
        """Signs of the longest word that is looked for in writing without blanks."""
        return max(map(len, self.written), default=0)

    def among(self, table: str, word: str) -> bool:
        """Return whether a word stands in a table of the language."""
        found = self._sets.get(table)
        if found is None:
            found = self._sets[table] = frozenset(self._fields[table])
        return word in found

    def listed(self, table: str) -> tuple[str, ...]:
        """Return the words of a table of the language."""
        return self._fields[table]

    def stem(self, word: str) -> str:
        """Return what is left of a word in small letters without its endings."""
        known = self._stems.get(word)
        if known is None:
            if len(self._stems) > 50_000:
                self._stems.clear()
            known = self._stems[word] = self._stem(word)
        return known

    def _stem(self, word: str) -> str:
        if word in self._irregular:
            return self._irregular[word]
        if self.language.accents:
            decomposed = unicodedata.normalize("NFD", word)
            word = "".join(char for char in decomposed if not unicodedata.combining(char))
        if word in self._irregular:
            return self._irregular[word]
        if not self.language.blanks or not word.isalpha():
            return word
        for beginning in self._fields["beginnings"]:
            if word.startswith(beginning) and len(word) > len(beginning) + 3:
                word = word.removeprefix(beginning)
        for round_ in range(2):
            for ending in self._endings:
                if round_ and ending in ("s", "es"):
                    continue  # a plural is taken off once
                least = 2 if len(ending) <= INFLECTIONS else 5 if "ment" in ending else 4
                if ending == "ed" and word.endswith("eed"):
                    continue  # "need" is no past
                if word.endswith(ending) and len(word) - len(ending) >= least:
                    word = word.removesuffix(ending)
                    break
        if len(word) > 3 and word[-1] == word[-2]:
            word = word[:-1]
        if len(word) > 3:
            word = word.rstrip("eiy")
        return self._irregular.get(word, word)

    def _senses(self) -> dict[str, str]:
        tables = {
            "tell": ("tells", "relatives"),
            "noun": ("nouns",),
            "document": ("documents",),
            "filler": ("fillers", "titles"),
            "preposition": ("prepositions",),
            "modal": ("modals",),
            "was": ("was",),
            "be": ("be",),
            "article": ("articles", "doubles"),
            "or": ("ors",),
            "join": ("joins",),
            "no": ("no", "false"),
            "yes": ("yes", "true"),
            "guard": ("guards",),
            "negation": ("negations",),
        }
        return {
            word: sense
            for sense in _SENSES
            for table in tables[sense]
            for word in self._fields[table]
        }

    def _months(self) -> dict[str, int]:
        tables = _locales()["months"]
        return {
            name: int(number)
            for code in ("en", self.language.code)
            for number, names in tables[code].items()
            for name in names
        } | {"sept": 9}

    def _units(self) -> dict[str, tuple[str, Fraction, str]]:
        named = {base: (base, Fraction(1), base) for base in BASES}
        spelled = dict(SYMBOLS)
        for unit, names in _locales()["units"][self.language.code].items():
            spelled.update(dict.fromkeys(names, unit))
        for unit, *names in groups(self.language.units):
            spelled.update(dict.fromkeys(names, unit))
        for name, unit in spelled.items():
            if unit in MEASURES:
                named[name] = (*MEASURES[unit], unit)
            elif unit in named:
                named[name] = named[unit]
        return named

    def _currencies(self) -> dict[str, str]:
        names = _locales()["currencies"][self.language.code]
        found = {name: code for code, spelled in names.items() for name in spelled}
        return found | {code.casefold(): code for code in names} | SIGNS

    def _written(self) -> frozenset[str]:
        """Return all words of a language that is written without blanks."""
        tables = (*self._fields.values(), self.units, self.currencies, self.months, self.sense)
        lines = (self.comparators, self.rates, self.times, self.magnitudes, self.interrogatives)
        found = (word for table in (*tables, *lines) for word in table)
        return frozenset(word for word in found if not word.isascii()) | frozenset("年月日号")

    def _related(self, lines: Iterable[tuple[str, ...]]) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for line in lines:
            stems = {self.stem(word) for word in line}
            for stem in stems:
                found.setdefault(stem, set()).update(stems - {stem})
        return {stem: frozenset(others) for stem, others in found.items()}

    def _beginnings(self) -> frozenset[str]:
        """Return the words that a value or a scope may begin with."""
        tables = ("ones", "half", "per", "after_amount")
        several = (
            self.numerals, self.magnitudes, self.months, self.times, self.currencies,
            self.clock_names,
        )  # fmt: skip
        found = {word for table in tables for word in self._fields[table]}
        ordinals = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
        return frozenset(found.union(*several, ordinals))

    def _phrases(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        whole = {
            word
            for table in (
                *self._fields.values(),
                self.comparators,
                self.units,
                self.currencies,
                self.modals,
                self.interrogatives,
                self.says,
                self.rates,
                self.afterwards,
                self.sense,
                *groups(self.language.synonyms),
                *groups(self.language.akin),
            )
            for word in table
            if " " in word
        }
        found: dict[str, list[tuple[str, ...]]] = {}
        for phrase in whole:
            first, *rest = phrase.split(" ")
            found.setdefault(first, []).append(tuple(rest))
        return {
            first: tuple(sorted(rests, key=lambda rest: (-len(rest), rest)))
            for first, rests in found.items()
        }


def _by_word(lines: str) -> dict[str, str]:
    return {folded(word): first for first, *words in groups(lines) for word in words}


@cache
def lexicon(code: str) -> Lexicon:
    """Return the lexicon of a language by its code."""
    return Lexicon(LANGUAGES[code])
