"""Who does it to whom in a statement that repeats the words of its question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from bestofinf.answers.wording.lexicon import Lexicon
from bestofinf.answers.wording.question import Question, Role
from bestofinf.answers.wording.reply import Wording
from bestofinf.answers.wording.tokens import Token

_SAYS = ("own", "opposite")
_FINITE = ("be", "was", "modal")


def keeps_parties(reply: Wording) -> bool:
    """Return whether who does what to whom is as in the question.

    The words stand in its order, or a passive or a copula turns them round; and what is said is
    said of its subject, by name or by a pronoun: "Bray won" does not say that Holm beat Bray.
    """
    statement = _Statement(reply)
    words = reply.question.words
    agent = any(words.among("agents", t.fold) for t in reply.pieces)
    asked_agent = any(words.among("agents", t.fold) for t in reply.question.tokens)
    if agent and not asked_agent:
        active = reply.question.has_do or words.language.blanks
        return active and statement.is_turned
    if agent != asked_agent:
        return False
    return statement.keeps_order and (not words.language.blanks or statement.keeps_subject)


class _Statement:
    """A reply as a statement about the subject of its question."""

    def __init__(self, reply: Wording) -> None:
        self.reply = reply
        self.question: Question = reply.question
        self.words: Lexicon = reply.question.words
        self.bare: Sequence[tuple[Token, Role]] = _without_lead(reply.bare, self.words)

    @cached_property
    def order(self) -> dict[str, int]:
        """Where the question has a stem, or what says the same as it or the opposite."""
        words = self.words
        order: dict[str, int] = {}
        for token in self.question.tokens:
            order.setdefault(words.stem(token.fold), len(order))
        for stem, place in list(order.items()):
            for same in (stem, *sorted(words.equals.get(stem, ()))):
                order.setdefault(same, place)
                for opposite in sorted(words.opposites.get(same, ())):
                    order.setdefault(opposite, place)
        return order

    @cached_property
    def stems(self) -> list[str]:
        """The stems of what it says, in its order, each once."""
        found = (self.words.stem(token.fold) for token, role in self.bare if role in _SAYS)
        return list(dict.fromkeys(found))

    @cached_property
    def places(self) -> list[int]:
        """Where the question has them; a verb stands first only for the question."""
        places = [self.order[stem] for stem in self.stems if stem in self.order]
        if self.words.language.inverts and self.words.sense.get(self.question.first, "") == "":
            places = [place for place in places if place]
        return places

    @cached_property
    def is_sorted(self) -> bool:
        return self.places == sorted(self.places)

    @cached_property
    def keeps_order(self) -> bool:
        if self.is_sorted or self.passive >= 0:
            return True
        has_be = any(role in ("be", "was") for role in self.reply.roles)
        return has_be and self.asks_by_copula and len(set(self.places)) < 3

    @cached_property
    def asks_by_copula(self) -> bool:
        """Whether the question says what something is: not by "have", "do" or a modal alone."""
        return any(self._is_copula(token) for token in self.question.tokens)

    def _is_copula(self, token: Token) -> bool:
        words, fold = self.words, token.fold
        helps = words.among("haves", fold) or words.among("does", fold)
        return not helps and words.sense.get(fold) in ("be", "was")

    @cached_property
    def passive(self) -> int:
        """Where its participle stands among its bare words, if it is a passive; else -1."""
        words, bare = self.words, self.bare
        marked = any(words.among("passives", token.fold) for token, _ in bare)
        for place, (token, role) in enumerate(bare):
            if role not in _SAYS or not self._is_participle(token):
                continue
            before = place - 1
            while before >= 0 and bare[before][1] in ("filler", "negation"):
                before -= 1
            if words.language.passives:
                if marked:
                    return place
            elif before >= 0 and self._is_copula(bare[before][0]):
                return place
        return -1

    @cached_property
    def names(self) -> frozenset[str]:
        """Words that the question writes large, and German its nouns."""
        return frozenset(t.fold for t in self.question.sentence[1:] if t.text[:1].isupper())

    def _is_participle(self, token: Token) -> bool:
        """Return whether a word may be a participle: no name, and no "ing" of what goes on."""
        inflected = self.question.has_do and token.fold not in self.question.folds
        ends = token.fold.endswith(self.words.participles)
        named = token.fold in self.names or token.fold.endswith("ing")
        return (inflected or ends) and not named

    @cached_property
    def subject(self) -> list[str]:
        """Stems of the subject of the question: the words up to what begins another phrase."""
        found: list[str] = []
        pieces = [token for token in self.question.sentence if token.sort != "mark"]
        before = ""
        for place, token in enumerate(pieces):
            stem = self.words.stem(token.fold)
            content = token.sort in ("word", "code") and stem in self.question.stems
            if place == 0 and (self.words.language.inverts or not content):
                continue  # the verb stands first
            # German nouns are written large: the phrase ends with one. Else a name begins another.
            large = before[:1].isupper()
            nouns = self.words.language.compounds
            ends = large if nouns else token.text[:1].isupper() and not large
            if found and (ends or not content):
                break
            if content:
                found.append(stem)
                before = token.text
        return found

    @cached_property
    def keeps_subject(self) -> bool:
        """Whether it speaks of the subject of the question."""
        subject = self.subject
        if not subject or not self.stems:
            return True
        named = subject[0] in self.stems
        if not self.asks_by_copula:
            if self.passive >= 0:
                return not (self._suffers and self._has_object)
            if not named and self._sets_equal:
                return False
        if named or self._leaves_subject:
            return True
        return self.stems[0] in subject and self.is_sorted and len(set(self.places)) > 1

    @cached_property
    def _suffers(self) -> bool:
        """Whether the subject of the question is that of its passive."""
        before = {self.words.stem(token.fold) for token, _ in self.bare[: self.passive]}
        return self.subject[0] in before

    @cached_property
    def _has_object(self) -> bool:
        """Whether something follows the verb of the question that no preposition leads."""
        verb = self.order.get(self.words.stem(self.bare[self.passive][0].fold))
        stems = [self.words.stem(token.fold) for token in self.question.tokens]
        at = next((i for i, stem in enumerate(stems) if self.order.get(stem) == verb), len(stems))
        behind = self.question.tokens[at + 1 : at + 2]
        if self.words.language.inverts:
            return True  # its object may stand anywhere
        return any(
            token.sort != "mark" and self.words.sense.get(token.fold, "") in ("", "article", "noun")
            for token in behind
        )

    @cached_property
    def _sets_equal(self) -> bool:
        """Whether it only says what someone is, where it is asked what they do: "it was Bray"."""
        bare = self.bare
        place = next((i for i, (t, _) in enumerate(bare) if self._is_copula(t)), -1)
        owns = self.question.has_do and any(
            self.words.among("haves", token.fold) for token in self.question.tokens
        )
        some = any(
            self.words.among("ones", t.fold) or r == "negation" for t, r in bare[place + 1 :]
        )
        if place < 0 or owns or some:
            return False  # "there is a pool", where it is asked whether it has one
        said = (t for t, role in bare[place + 1 :] if role in _SAYS)
        return not any(token.fold not in self.question.folds for token in said)

    @cached_property
    def _leaves_subject(self) -> bool:
        """Whether a pronoun stands for its subject, or nothing does."""
        (token, role), follows = self.bare[0], self.bare[1][1] if len(self.bare) > 1 else ""
        if role == "article":
            return follows not in _SAYS or not self.words.among("determiners", token.fold)
        return role in _FINITE or token.fold == self.question.first

    @cached_property
    def is_turned(self) -> bool:
        """Whether a passive names as its agent the subject of an active question."""
        if self.words.language.blanks:
            is_passive = self.passive >= 0 and not self.asks_by_copula
        else:
            is_passive = any(role in ("be", "was") for role in self.reply.roles)
        if not is_passive:
            return False
        stems = [
            self.words.stem(token.fold) if role == "own" else "" for token, role in self.reply.bare
        ]
        by = next(
            i for i, (t, _) in enumerate(self.reply.bare) if self.words.among("agents", t.fold)
        )
        behind = [self.order[stem] for stem in stems[by:] if stem in self.order]
        before = [self.order[stem] for stem in stems[:by] if stem in self.order]
        return bool(behind and before) and max(behind) < min(before)


def _without_lead(
    bare: Sequence[tuple[Token, Role]], words: Lexicon
) -> Sequence[tuple[Token, Role]]:
    """Return a statement without what leads it: fillers, and "on Sundays" before its subject."""
    start = 0
    while start < len(bare) and bare[start][1] == "filler":
        start += 1
    rest = bare[start:]
    if not rest or rest[0][1] != "preposition" or words.among("agents", rest[0][0].fold):
        return rest or bare
    place = 1
    while place < len(rest) and rest[place][1] == "article":
        place += 1
    while place < len(rest) and rest[place][1] in _SAYS:
        place += 1
    led = place < len(rest) and rest[place][1] in ("article", *_FINITE)
    return rest[place:] if led else rest
