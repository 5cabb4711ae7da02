"""What a question asks for: its kind, its own words, its choices, its unit and scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeAlias

from bestofinf.answers.wording.amounts import DURATIONS, Amount, Scope, unit_at, unit_name_at
from bestofinf.answers.wording.dates import Moment
from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.options import Option
from bestofinf.answers.wording.ordering import has_order
from bestofinf.answers.wording.scanning import Item, scanned
from bestofinf.answers.wording.tokens import Token
from bestofinf.answers.wording.voices import Asked, asked

Kind: TypeAlias = Literal[
    "polarity", "truth", "choice", "role", "quantity", "date", "cause", "name"
]
Role: TypeAlias = str

MAX_SUBSTRING = 12
"""Signs of a question, in writing without blanks, that a reply may take up as one word."""

AGES = frozenset({"how old", "wie alt", "quel âge"})
MAX_KEPT = 10_000
"""Words of replies that a question remembers."""
MAX_READ = 1_000
"""Replies whose keys it remembers: votes that agree say the same again and again."""

_STRUCTURE = frozenset(
    {"article", "be", "was", "preposition", "modal", "join", "or", "yes", "no", "negation"}
)


@dataclass(frozen=True, eq=False)
class Question:
    """A question as it is read once, for all replies to it.

    Attributes:
        text: As it was asked.
        words: Of its language.
        tokens: Its pieces.
        kind: What an answer to it is.
        sentence: Those of the sentence that asks.
        opening: Where its interrogative stands among its pieces; -1 without one.
        asks: What its interrogative asks for, as in the table of interrogatives; empty without.
        labels: Choices by their letters.
        options: Choices without letters.
    """

    text: str
    words: Lexicon
    tokens: tuple[Token, ...]
    sentence: tuple[Token, ...]
    kind: Kind
    opening: int
    asks: str
    labels: dict[str, Option]
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_roles", {})
        object.__setattr__(self, "_read", {})

    def once(self, text: str, read: Callable[[str, Question], str | None]) -> str | None:
        """Return what is read in a text under this question, read once for every text."""
        known: dict[str, str | None] = self._read  # type: ignore[attr-defined]
        if text not in known:
            if len(known) >= MAX_READ:
                known.clear()
            known[text] = read(text, self)
        return known[text]

    # -- its words ----------------------------------------------------------------------------

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of its own words that carry meaning."""
        words = self.words
        found = set()
        for token in self.tokens:
            for fold in (token.fold, *token.fold.split(" ")):
                if token.sort in ("word", "code") and words.sense.get(fold) not in _STRUCTURE:
                    found.add(words.stem(fold))
        return frozenset(found)

    @cached_property
    def related(self) -> frozenset[str]:
        """Its stems, and those that say the same in answer to it.

        To affirm it takes words that say just the same.
        """
        words = self.words
        same = words.equals if self.kind in ("polarity", "truth") else words.synonyms
        found = set(self.stems)
        for stem in self.stems:
            found |= same.get(stem, frozenset())
        found |= words.says.get(self.asks, frozenset())
        if self.wants_duration:
            found |= words.says.get("duration", frozenset())
        return frozenset(found)

    @cached_property
    def reversed(self) -> frozenset[str]:
        """Stems of the opposites of its words."""
        opposites = self.words.opposites
        return frozenset(o for stem in self.related for o in opposites.get(stem, ())) - self.stems

    def role(self, token: Token) -> Role:
        """Return what a word of a reply does, as seen from the question.

        ``own`` words are the question's, ``opposite`` ones turn it round, ``unknown`` ones add
        something; all others have the sense of their table.
        """
        roles: dict[str, Role] = self._roles  # type: ignore[attr-defined]
        role = roles.get(token.text)
        if role is None:
            if len(roles) > MAX_KEPT:
                roles.clear()
            role = roles[token.text] = self._role(token)
        return role

    def _role(self, token: Token) -> Role:
        words, fold = self.words, token.fold
        if token.sort == "mark":
            return "mark"
        sense = words.sense.get(fold, "")
        if sense == "article" and len(fold.rstrip("'")) > 1 and token.text.isupper():
            sense = ""  # "IT" and "US" are no pronouns
        if sense in _STRUCTURE:
            return sense
        if token.sort != "word":
            return "own" if words.stem(fold) in self.stems else "unknown"
        stem = words.stem(fold)
        if stem in self.stems or fold in self.known:
            return "own"
        if stem in self.reversed or self._turned(fold):
            return "opposite"
        if sense == "guard":
            return "preposition" if self.allows(fold) else sense
        if stem in self.related or self._joined(fold) or (self.choices and fold in self.choices):
            return "own"
        return sense or "unknown"

    def _turned(self, fold: str) -> bool:
        """Return whether a word is one of the question's with a prefix that turns it round."""
        words = self.words
        for prefix in words.prefixes:
            rest = fold.removeprefix(prefix)
            if rest != fold and len(rest) > 2 and words.stem(rest) in self.stems:
                return True
            if len(fold) > 2 and words.stem(prefix + fold) in self.stems:
                return True
        return False

    def _joined(self, fold: str) -> bool:
        """Return whether a word is made of the question's: hyphenated, or a part of a compound."""
        if "-" in fold:
            parts = fold.split("-")
            return all(self.words.stem(part) in self.related for part in parts if part)
        if self.words.language.compounds and len(fold) >= 4:
            return any(own.endswith(fold) for own in self.folds if len(own) > len(fold) + 2)
        return False

    @cached_property
    def folds(self) -> frozenset[str]:
        """Its words as they are, in small letters."""
        return frozenset(token.fold for token in self.tokens)

    @cached_property
    def known(self) -> dict[str, None]:
        """What a reply without blanks may take up: the question's words and their longer pieces."""
        words = self.words
        if words.language.blanks:
            return {}
        runs = [token.fold for token in self.tokens if not words.sense.get(token.fold)]
        return {
            run[start:end]: None
            for run in runs
            for start in range(len(run))
            for end in range(start + 2, min(start + MAX_SUBSTRING, len(run)) + 1)
        }

    @cached_property
    def choices(self) -> frozenset[str]:
        """All words of its choices."""
        return frozenset(word for option in self.options for word in option)

    # -- its values ---------------------------------------------------------------------------

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Its words and values."""
        return tuple(scanned(self.tokens, self.words, times=self.kind == "date"))

    @cached_property
    def values(self) -> tuple[Amount | Moment, ...]:
        """The values it names itself; they are no answer."""
        return tuple(item for item in self.items if isinstance(item, Amount | Moment))

    @cached_property
    def scopes(self) -> frozenset[str]:
        """What it wants to be counted by: "per person", and "a month" too."""
        found = {item.name for item in self.items if isinstance(item, Scope)}
        for place, token in enumerate(self.tokens[:-1]):
            if self.words.among("after_amount", token.fold):
                unit = unit_name_at(self.tokens, place + 1, self.words)
                if unit is not None and unit[0] in DURATIONS:
                    found.add(unit[2].split("-", 1)[-1])
        return frozenset(found)

    @cached_property
    def unit(self) -> tuple[str, Fraction] | None:
        """The unit of a number that stands alone; None where the question names none.

        From "how many days", "what percentage", "in dollars", or from the only currency in it.
        """
        words, place = self.words, self.opening
        if place >= 0:
            unit, factor, end = unit_at(self.tokens, place + 1, words)
            if self.asks == "count" and end > place + 1:
                return unit, factor
            if self.tokens[place].fold in AGES:
                return "months", Fraction(12)
            if self.asks == "share" and any(words.among("percents", t.fold) for t in self.tokens):
                return "%", Fraction(1)
        for position, token in enumerate(self.tokens[:-1]):
            if words.among("units_in", token.fold):
                unit, factor, end = unit_at(self.tokens, position + 1, words)
                if end > position + 1:
                    return unit, factor
        money = {v.unit for v in self.values if isinstance(v, Amount) and v.unit.isupper()}
        if len(money) == 1 and (self.asks in ("amount", "money")):
            return money.pop(), Fraction(1)
        return None

    @cached_property
    def comparators(self) -> frozenset[str]:
        """Signs that it has itself, as a question for the minimum has "at least"."""
        found = {self.words.comparators.get(t.fold, "") for t in self.tokens}
        found |= {self.words.afterwards.get(t.fold, "") for t in self.tokens}
        return frozenset(found - {""})

    @cached_property
    def needs_unit(self) -> bool:
        """Whether a number alone does not answer it."""
        return self.asks in ("duration", "share", "measure", "money")

    @cached_property
    def verb(self) -> Asked | None:
        """The verb whose subject or object it asks for."""
        if self.kind not in ("name", "role", "choice") or self.asks not in ("person", "name"):
            return None
        return asked(self.sentence, self.opening, self.words, noun=self.asks == "name")

    @cached_property
    def deed(self) -> str:
        """Its verb as it stands there."""
        senses = self.words.sense
        for token in self.sentence[self.opening + 1 :]:
            if senses.get(token.fold, "") == "":
                return token.fold
        return ""

    def allows(self, preposition: str) -> bool:
        """Return whether an answer may be led by a preposition that mostly changes it."""
        words = self.words
        if words.among("until", preposition) and any(
            words.among("deadlines", token.fold) for token in self.tokens
        ):
            return True
        if words.among("agents", preposition) and words.changes & self.stems:
            return self.asks == "amount"
        return preposition in self.led

    def leads_with(self, preposition: str) -> bool:
        """Return whether a preposition before a name only says what the question says."""
        words = self.words
        if self.led:
            return preposition in self.led
        if words.among("agents", preposition):
            return self.verb is None or self.verb.agent
        if words.among("places", preposition):
            return True
        if self.kind == "date" and words.among("at_times", preposition):
            return True
        if self.kind == "cause" and words.sense.get(preposition) == "preposition":
            return words.among("causes", preposition)
        return False

    @cached_property
    def led(self) -> frozenset[str]:
        """Prepositions that belong to its interrogative: before it, or stranded at the end."""
        words, place = self.words, self.opening
        found = set()
        if place >= 0:
            opening = self.sentence[place].fold.split(" ")
            found.add(opening[0])
            if place > 0:
                found.add(self.sentence[place - 1].fold)
            ends = [token.fold for token in self.sentence if token.sort != "mark"]
            if not words.among("verbal", ends[-1]):
                found.add(ends[-1])
        return frozenset(f for f in found if words.sense.get(f) == "preposition")

    @cached_property
    def case(self) -> str:
        """The particle behind its interrogative, in languages that mark sides by one."""
        behind = self.sentence[self.opening + 1 : self.opening + 2] if self.opening >= 0 else ()
        return next((t.fold for t in behind if self.words.among("cases", t.fold)), "")

    @cached_property
    def is_perfect(self) -> bool:
        """Whether it asks about what has been."""
        return any(self.words.among("perfect", token.fold) for token in self.tokens)

    @cached_property
    def wants_duration(self) -> bool:
        """Whether it asks how long, as "how many days" does."""
        counted = self.asks == "count" and self.unit is not None and self.unit[0] in DURATIONS
        return self.asks == "duration" or counted

    @cached_property
    def first(self) -> str:
        """The word that it begins with."""
        return next((token.fold for token in self.tokens if token.sort != "mark"), "")

    @cached_property
    def has_do(self) -> bool:
        """Whether it begins with a form of "do", so that its verb has no ending."""
        return self.words.among("does", self.first)

    @cached_property
    def modals(self) -> frozenset[str]:
        """The senses of its modals."""
        senses = self.words.modals
        return frozenset(senses[fold] for fold in self.folds if fold in senses)

    @cached_property
    def tells_when(self) -> bool:
        """Whether a reply that also tells when it was is no other answer for that."""
        return self.kind in ("name", "polarity", "role") and not (self.is_present or self.values)

    @cached_property
    def is_past(self) -> bool:
        """Whether it asks about what was."""
        return any(self.words.sense.get(token.fold) == "was" for token in self.tokens)

    @cached_property
    def is_present(self) -> bool:
        """Whether it asks about what is."""
        return not (self.is_past or self.is_perfect) and any(
            self.words.sense.get(token.fold) == "be" for token in self.tokens
        )

    @cached_property
    def is_negated(self) -> bool:
        """Whether it holds a negation other than "without"."""
        words = self.words
        return any(
            words.sense.get(t.fold) == "negation" and not words.among("withouts", t.fold)
            for t in self.tokens
        )

    def ties(self, preposition: str) -> bool:
        """Return whether a preposition turns nothing round: a plain one, or the question's."""
        words = self.words
        mine = preposition in self.folds or words.stem(preposition) in self.related
        return mine or words.among("plain", preposition) or self.allows(preposition)

    @cached_property
    def wants_id(self) -> bool:
        """Whether it asks for something that is compared by its characters."""
        return self.kind == "name" and any(
            self.words.among("ids", word) for token in self.tokens for word in token.fold.split(" ")
        )

    @cached_property
    def asks_for_order(self) -> bool:
        """Whether a list in another order is another answer."""
        return has_order(self.text, self.tokens, self.sentence, self.opening, self.words)
