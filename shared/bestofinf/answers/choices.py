"""Answers that are one of a few given choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from bestofinf.answers.base import Abstain, Answer, bound
from bestofinf.answers.closings import is_opposed, labelled, set_apart
from bestofinf.answers.endings import answer_part
from bestofinf.answers.finding import boxed_or_announced
from bestofinf.answers.forms import choice_form, encodable, even, words_form
from bestofinf.answers.languages import LETTER, NEGATION
from bestofinf.answers.latex import unwrapped
from bestofinf.answers.stances import RETRACTS, TAKEN_BACK
from bestofinf.answers.wording import question_in
from bestofinf.border import CUT_OFF
from bestofinf.errors import UsageError
from bestofinf.records import AnswerValue, Reply

WINDOW = 2_000
"""Choices are looked for in this many characters at the end of a reply."""

_LETTERS = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J")
# Options as they are lettered in Arabic and in Bengali.
_NATIVE = dict(zip("أبجدঅবড়ঢ", "ABCDABCD", strict=False)) | {"ا": "A", "ড": "C", "ঢ": "D"}
_LABELLED = re.compile(r"\(?([A-Za-z])(?:\)|[.:：。，](?=\s|[^\x00-\x7f])|：)\s*\S")
_OTHER_LABEL = re.compile(r"(?<![\w'’.])\(?[A-J](?:[:：)](?=\s)|\W{0,3}$)")
_HAN = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# What may stand before a letter that is a choice: "type B" and "train A" name something else.
_BEFORE_LETTER = re.compile(
    r"(?:^|[^\w'’\s]|(?<!\w)(?:is|was|be|are|it['’]s|options?|choices?|answer|letters?|pick|choose|chose|select|say|think|believe"
    r"|guess|with|for|to|towards?|favou?rs?|and|or|not|because|since|so|therefore|thus|hence|leaving|leaves|only|definitely|probably"
    r"|clearly|neither|nor|either|both|than|of|that|ist|est|es|è|é|non|nicht|pas|oder|ou|o|und|et|y|e|ответ|option|opción|la|alternativa|opção|opzione|letra|lettera|lettre|вариант)\s"
    r"|[是选選为為択はが和或])[\s\"'“(*]{0,9}$",
    re.I,
)
_OPTION = re.compile(r"(?:option|choice|letter|answer)\s+$", re.I)
_ARTICLE = re.compile(
    r"\s+(?!is\b|was\b|because\b|and\b|or\b|but\b|not\b|since\b|can|does|fits\b|would)[^\W\d_]"
)
_CLAUSE = re.compile(
    r"(?=(?<!\w)(?:rather\s+than|instead\s+of)(?!\w))|[,.;:!?\n—–]|[，。；：！？、]|(?<!\w)(?:but|so|therefore|thus|hence|while|whereas|which|because|since|sondern|aber|mais"
    r"|donc|sino|pero|ma|quindi|mas|maar|dus|но|а|поэтому)(?!\w)|而是|但|因此|所以|けど|が、",
    re.I,
)
_ALL_BUT = re.compile(r"(?<!\w)(?:all|any\w*|every\w*|none|nothing)\s+but(?!\w)", re.I)
_OTHERWISE = re.compile(
    r"(?<!\w)(?:otherwise|or\s+else|sonst|ansonsten|sinon|de\s+lo\s+contrario|altrimenti|caso\s+contrário|иначе)(?!\w)|否则|否則|그렇지\s?않으면",
    re.I,
)
_BARE = re.compile(r"\W*\w\W*")
_ASKED = re.compile(r"[^.!?\n]{0,200}\?")
_DENIES = re.compile(
    r"(?<!\w)(?:not|\w+n['’]t|never|neither|nor|wrong|incorrect|false|invalid|fail\w*|impossible|unlikely|rather\s+than|instead"
    r"|except|without|unlike|eliminat\w+|rul\w+\s+out|exclud\w+|discard\w+|reject\w+|cannot|if|whether|than|maybe|perhaps|although|though|case\s+can"
    r"|might|could|falsch\w*|faux|fausse|incorrect\w*|falso|falsa|sbagliat\w*|errad\w*|fout|неверн\w*|неправильн\w*)(?!\w)"
    r"|错|錯|違|틀렸|틀린|아니|[❌✘✗✖🚫⛔👎❎]",
    re.I,
)


@dataclass(frozen=True)
class ChoiceAnswer(Answer):
    """One of a few given choices, named by letter or by its own words.

    Attributes:
        choices: What may be chosen: letters, or labels such as ``("yes", "no")``.
    """

    expected = True
    whole = True
    asks_for_denied: ClassVar[bool] = False
    """Whether the question asks which choice is false, fails or is not so."""

    choices: Sequence[str] = _LETTERS

    def __post_init__(self) -> None:
        if isinstance(self.choices, str):
            object.__setattr__(self, "choices", tuple(self.choices))
        if len({words_form(choice) or choice for choice in self.choices}) != len(self.choices):
            raise UsageError(f"choices must differ, got {self.choices!r}")

    def for_question(self, text: str) -> ChoiceAnswer:
        """Return a copy that knows whether the question asks for the choice that is not so."""
        asked = question_in(text)
        denies = _DENIES.search(asked) or NEGATION.search(asked.lower())
        return bound(self, asks_for_denied=denies is not None)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the choice that is boxed, announced, all that a line says, or the only one named."""
        text = answer_part(reply.text)
        span = boxed_or_announced(text)
        if span is not None:
            if (choice := self.canonical(span)) is not None:
                return choice
            if (choice := self._named(span)) is not None:
                return choice
            if labelled(text) is not None:
                return None  # "Q: Which city? A: Paris"
        elif (shown := set_apart(text)) and (choice := self.canonical(shown)) is not None:
            return choice
        lines = [line for line in text[-WINDOW:].splitlines() if line.strip()]
        if not lines:
            return None
        last = self.canonical(lines[-1])
        before = lines[-2] if len(lines) > 1 else ""
        if last is not None and is_opposed(before, _DENIES):
            return None  # "Eliminated: A"
        if last is not None and _BARE.fullmatch(lines[-1]) and not _BARE.fullmatch(before):
            return last
        # Lines that name different choices list them, and choose none.
        named = {c for line in lines if (c := self.canonical(line)) is not None}
        ends = {self.canonical(lines[0]), self.canonical(lines[-1])}
        if any(map(RETRACTS.match, lines[1:])):
            return None
        if len(named) == 1 and not named.isdisjoint(ends):
            return named.pop()
        if named or span:
            return None
        if reply.finish_reason == CUT_OFF:
            raise Abstain("cut off")
        return self._named(text[-WINDOW:])

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the choice that a short text names, in the spelling of `choices`."""
        if "\n" in text:  # a whole reply
            return super().canonical(text)
        if len(text) > 400:
            return None
        text = unwrapped(even(encodable(text)))
        letters = {c.upper(): c for c in self.choices if len(c) == 1 and c.isalpha()}
        if letters:
            text = _NATIVE.get(text, text)
            bare = choice_form(text) or (text.upper() if text.upper() in letters else None)
            label = _LABELLED.match(text)
            if bare is None and label and not _OTHER_LABEL.search(text, label.end() - 1):
                bare = label[1].upper()
                if RETRACTS.match(text, label.end() - 1):
                    return None
            if bare in letters:
                return letters[bare]
        words = words_form(text)
        return next((c for c in self.choices if words and words_form(c) == words), None)

    def _named(self, text: str) -> AnswerValue | None:
        """Return the only choice that is named and never denied, doubted or asked about."""
        if _OTHERWISE.search(text):
            return None  # "If it rains, A; otherwise B."
        mention = _mention(tuple(self.choices))
        text = _ASKED.sub(". ", even(encodable(text)).replace("*", ""))
        text = _ALL_BUT.sub("except", text)
        # "B not A" names one and denies the other.
        text = re.sub(
            rf"({mention.pattern})\s*(?=(?:而?不是|并非|{NEGATION.pattern})\s*(?:{mention.pattern}))",
            r"\1, ",
            text,
            flags=re.I,
        )
        affirmed: set[str] = set()
        denied: set[str] = set()
        start, before, heading = 0, set[str](), False
        for end in [*_CLAUSE.finditer(text), None]:
            clause = text[start : end.start() if end else len(text)]
            meant = [self._meant(match, clause) for match in mention.finditer(clause)]
            found = {choice for choice in meant if choice}
            rest = _without(mention, meant, clause)
            opposes = bool(_DENIES.search(rest) or TAKEN_BACK.search(rest))
            denies = opposes or NEGATION.search(rest.lower()) is not None
            if found or not RETRACTS.fullmatch(clause):
                (denied if denies or heading else affirmed).update(found)
            else:
                denied |= before  # "B. That is wrong."
            if clause.strip():
                before = found
                # "Wrong answer: B"
                heading = not found and opposes and end is not None and end[0] in ":：—–"
            start = end.end() if end else 0
        if self.asks_for_denied and denied:
            return None  # of "A is true, B is false" the question may ask for either
        left = affirmed - denied
        return left.pop() if len(left) == 1 else None

    def _meant(self, match: re.Match[str], clause: str) -> str | None:
        """Return the choice of a mention; None for the article "a" and for "I"."""
        name = match[0].strip("()")
        before = clause[max(0, match.start() - 30) : match.start()]
        behind = clause[match.end() : match.end() + 30]
        if len(name) == 1 and name.isascii() and name.isalpha() and name == match[0]:
            article = (name == "A" and _ARTICLE.match(behind)) or name == "I"
            if (article and not _OPTION.search(before)) or not _BEFORE_LETTER.search(before):
                return None
        if NEGATION.fullmatch(name.lower()) and behind.strip():
            return None  # "no doubt" does not say no
        return next((c for c in self.choices if c == name), None) or next(
            (c for c in self.choices if c.casefold() == name.casefold()), None
        )


def _without(mention: re.Pattern[str], meant: Sequence[str | None], clause: str) -> str:
    """Return a clause without the mentions that are choices."""
    each = iter(meant)
    return mention.sub(lambda match: " " if next(each) else match[0], clause)


@lru_cache(maxsize=64)
def _mention(choices: tuple[str, ...]) -> re.Pattern[str]:
    """Return what matches the name of a choice: a capital letter by itself, or its words."""
    letters = "".join(c.upper() for c in choices if len(c) == 1 and c.isascii() and c.isalpha())
    words = [c for c in choices if not (len(c) == 1 and c.isascii() and c.isalpha())]
    listed = [r"\s+".join(map(re.escape, word.split())) for word in sorted(words, key=len)[::-1]]
    forms = []
    if spaced := [form for form in listed if form[-1:].isascii() or not _HAN.match(form)]:
        forms.append(rf"(?<!{LETTER})(?:{'|'.join(spaced)})(?!{LETTER})")
    if unspaced := [form for form in listed if form not in spaced]:
        forms.append("|".join(unspaced))
    if letters:
        forms.append(
            rf"(?<![A-Za-z0-9_'’\-À-ɏ])(?:\([{letters}]\)|(?-i:[{letters}]))(?![A-Za-z0-9_'’\-+#])"
        )
    return re.compile("|".join(forms), re.I)
