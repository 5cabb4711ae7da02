"""Replies without yes or no that repeat the question as a statement, or its opposite."""

from __future__ import annotations

from dataclasses import dataclass, field

from bestofinf.answers.wording.compared import names_other, prefers_other
from bestofinf.answers.wording.question import Question, Role
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.subjects import keeps_parties
from bestofinf.answers.wording.tokens import Token


def echoed(reply: Wording) -> str | None:
    """Return ``yes`` or ``no`` where a reply is the question as a statement, or denies it.

    It may hold the question's words and their opposites, and small words that change nothing; at
    most one negation or opposite; about the question's subject, in the question's order, or turned
    round by a passive. Where the question compares, "B is bigger" denies that A is.
    """
    echo = _Echo(reply.question)
    if reply.was_only or not all(echo.takes(token, role) for token, role in reply.bare):
        return None
    if not echo.is_sentence(len(reply.bare)) or echo.leaves_open or echo.denials > 1:
        return None
    if names_other(reply):
        return "no" if prefers_other(reply) else None
    return ("no" if echo.denials else "yes") if keeps_parties(reply) else None


@dataclass
class _Echo:
    """A statement as it is read, word by word.

    Attributes:
        question: What was asked.
        stems: Stems of the question's words in it; empty for an opposite.
        denials: Negations and opposites.
        finite: Whether a word makes it a sentence.
        forbids: Whether it holds a modal that forbids where it is denied.
        without: Whether it holds "without".
    """

    question: Question
    stems: list[str] = field(default_factory=list)
    denials: int = 0
    finite: bool = False
    forbids: bool = False
    without: bool = False

    def takes(self, token: Token, role: Role) -> bool:
        """Take the next word, and return whether an echo may hold it."""
        question, words, fold = self.question, self.question.words, token.fold
        if role == "preposition":
            ties = words.among("genitives", fold) or words.among("agents", fold)
            return ties or fold in question.folds
        if fold in words.modals:
            self.finite = True
            self.forbids = self.forbids or words.among("prohibits", fold)
            return words.modals[fold] in question.modals
        match role:
            case "be" | "was":
                self.finite = True
            case "negation":
                self.denials += fold not in question.folds
                self.without = self.without or words.among("withouts", fold)
            case "opposite":
                self.denials += 1
                self.stems.append("")
                self.finite = self.finite or question.has_do
            case "own":
                self.stems.append(words.stem(fold))
                # "Did it succeed?": a verb with an ending is the verb of a sentence.
                ended = question.has_do and fold not in question.folds
                self.finite = self.finite or ended
            case "article" | "filler":
                pass
            case _:
                return False
        return True

    def is_sentence(self, length: int) -> bool:
        """Return whether it is more than a fragment: "it does" is."""
        if not self.question.words.language.blanks:
            return bool(self.stems)
        return (self.finite and (bool(self.stems) or length > 1)) or len(set(self.stems)) > 1

    @property
    def leaves_open(self) -> bool:
        """Whether a negation does not deny: "must not" is not "need not"."""
        words = self.question.words
        asked = any(words.among("withouts", fold) for fold in self.question.folds)
        return (self.forbids and self.denials > 0) or (asked and not self.without)
