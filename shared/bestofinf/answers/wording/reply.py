"""A short reply, taken apart under its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bestofinf.answers.forms import NOT_AFTER_ARTICLE
from bestofinf.answers.wording.clauses import cut, without_time
from bestofinf.answers.wording.length import MAX_CHARS, MAX_WORDS
from bestofinf.answers.wording.question import Question, Role
from bestofinf.answers.wording.scanning import Item, scanned
from bestofinf.answers.wording.tokens import Token, as_list, tidied, tokens

_COMMAS = frozenset(",，、")
_TAKES_BACK = frozenset({"negation", "guard", "opposite", "yes", "no"})


@dataclass(frozen=True, eq=False)
class Wording:
    """A reply as its readers see it.

    Attributes:
        text: As it came, tidied.
        pieces: Its words, without sources and references.
        question: What was asked.
    """

    text: str
    pieces: tuple[Token, ...]
    question: Question

    @classmethod
    def of(cls, text: str, question: Question) -> Wording | None:
        """Return a reply taken apart; None where it is empty or too long to be an answer."""
        if len(text) > MAX_CHARS:
            return None
        text = tidied(as_list(text) if question.kind == "name" else text)
        found = tokens(text, question.words, question.known)
        if sum(token.sort != "mark" for token in found) > MAX_WORDS:
            return None
        pieces = cut(
            found,
            question.words,
            lambda token: question.role(token) == "own",
            clauses=question.kind in ("quantity", "date", "name", "cause"),
            numbers=question.kind != "quantity",
        )
        while (
            len(pieces) > 2 and pieces[1].fold in _COMMAS and question.role(pieces[0]) == "filler"
        ):
            pieces = pieces[2:]  # "Unfortunately, no."
        if question.tells_when:
            pieces = without_time(pieces, question.words)
        return cls(text, tuple(pieces), question) if pieces else None

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """The role of each piece."""
        role, pieces = self.question.role, self.pieces
        return tuple(
            [
                "unknown" if _is_letter(pieces, place) else role(token)
                for place, token in enumerate(pieces)
            ]
        )

    @cached_property
    def asks_back(self) -> bool:
        """Whether it is a question: "Is it B?"."""
        return self.text.endswith(("?", "？")) and self.roles[0] in ("be", "was", "modal")

    @cached_property
    def bare(self) -> tuple[tuple[Token, Role], ...]:
        """The pieces that are no marks, each with its role."""
        return tuple((t, r) for t, r in zip(self.pieces, self.roles, strict=True) if r != "mark")

    @cached_property
    def is_taken_back(self) -> bool:
        """Whether it denies what it names, or says that it was or may be."""
        asked, senses = self.question.modals, self.question.words.modals
        return any(
            role in _TAKES_BACK or (role == "modal" and senses[token.fold] not in asked)
            for token, role in zip(self.pieces, self.roles, strict=True)
        )

    @cached_property
    def is_small(self) -> bool:
        """Whether no word is written large, as in a key, so that case tells no name."""
        return not any(token.text[:1].isupper() and len(token.text) > 2 for token in self.pieces)

    @cached_property
    def items(self) -> list[Item]:
        """Its words and values."""
        return scanned(self.pieces, self.question.words, times=self.question.kind == "date")

    @cached_property
    def was_only(self) -> bool:
        """Whether it speaks of what was, where the question asks what is."""
        question = self.question
        return question.is_present and "was" in self.roles


def _is_letter(pieces: Sequence[Token], place: int) -> bool:
    """Return whether an A is a name, or the last word, where no article stands."""
    if pieces[place].text == "A":
        return _names(pieces, place)
    follows = pieces[place + 1 : place + 2]
    return bool(pieces[place].text == "a" and place and all(t.sort == "mark" for t in follows))


def _names(pieces: Sequence[Token], place: int) -> bool:
    """Return whether a large A names something, as in "vitamin A", "A minor" or "A, C"."""
    follows = pieces[place + 1] if place + 1 < len(pieces) else None
    if place and pieces[place - 1].sort != "mark":
        return True
    return follows is None or follows.sort == "mark" or follows.fold in NOT_AFTER_ARTICLE
