"""The default answer type: takes the first reading that applies, and abstains on free text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from bestofinf.answers.asking import Ask
from bestofinf.answers.base import (
    AT_LENGTH,
    CUT_OFF_NOTE,
    FREE_TEXT,
    Abstain,
    Answer,
    Resolved,
    bound,
)
from bestofinf.answers.boxed import plain_box
from bestofinf.answers.calls import ToolCallsAnswer
from bestofinf.answers.canonical_json import Schema
from bestofinf.answers.closings import set_apart
from bestofinf.answers.endings import answer_part, asks_for_ending
from bestofinf.answers.factors import is_code
from bestofinf.answers.finding import find_answer, is_marked
from bestofinf.answers.forms import (
    MAX_NOTATION,
    choice_form,
    date_form,
    money_form,
    says_nothing,
    short_form,
)
from bestofinf.answers.latex import is_mathematical, unwrapped
from bestofinf.answers.mathematics import MathAnswer, missing_package
from bestofinf.answers.numbers import decimal_form, minus_signs, number_form
from bestofinf.answers.ordered import in_one_line, letters_in, sequence_form, with_commas
from bestofinf.answers.scores import score_in, score_of
from bestofinf.answers.structured import object_form, object_in_prose
from bestofinf.answers.wording import (
    ABSENT,
    Question,
    asks_for_text,
    is_pointed,
    key,
    number_behind,
    number_with_unit,
    question_in,
    question_of,
    quoted,
)
from bestofinf.answers.wording.judging import ClassJudge
from bestofinf.answers.written_calls import calls_in, marked_calls, only_calls
from bestofinf.border import CUT_OFF
from bestofinf.records import AnswerValue, Reply, Sample, Usage

_WORDS = re.compile(r"[^\W\d_]{2,}")
_FEW = 3
"""Words of an answer that a reply sets apart without saying that it is one."""

_FENCES = re.compile(r"^[ \t]{0,3}`{3,9}\w{0,12}[ \t]{0,9}$", re.M)
"""Lines around code; the language that they name is no part of it."""

_COMMAND = re.compile(r"\\[A-Za-z]+")
_KEPT = 1_000
"""Texts whose reading is kept for one question."""

_IN_BRACKETS = re.compile(r"\(([A-Z])\)")
_COUNTS = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|-?\d{1,15}\s?/\s?\d{1,15}")
"""Thousands set apart, or a fraction: a value, whatever it is called."""

_NAMES = ("name", "cause")
"""Kinds of questions to which notation is an answer of its own, with no unit to be added."""


class AutoAnswer(Answer):
    r"""Takes the vote from a reply by the first of these ways that applies.

    Tool calls; a structured object, or text that is a JSON object; the last ``\boxed{}``; what
    is announced last ("the answer is ...", ``#### ...``); a reply of a few words that is a
    number, a choice, notation or just words. Everything else abstains: a number somewhere in a
    long text is not a vote.

    Bound to a question by `for_question`, replies of up to 28 words that would vote as words vote
    by what they add to it, where that is plain; see `bestofinf.answers.wording`. Where it asks for
    a text ("in detail"), only replies of a few words vote.

    Answers with numbers or notation are compared by value as by `MathAnswer`, expressions among
    them where the extra ``math`` is installed; all others as they are.

    Args:
        calls: How tool calls are compared.
        math: How numbers and notation are compared.
        judge: Asks a cheap model which wordings say the same, where the words do not tell: a call
            for every new wording beside other answers of a vote. Two typed answers, as 30 and 40
            days, are never joined, nor are texts with different numbers. What it costs is booked with the sample. None asks nobody.
    """

    gives_up = True

    def __init__(
        self,
        *,
        calls: ToolCallsAnswer | None = None,
        math: MathAnswer | None = None,
        judge: Ask | None = None,
    ) -> None:
        self.calls = calls or ToolCallsAnswer()
        self.executes = self.calls.executes
        self.math = math or MathAnswer(symbolic=not missing_package())
        self.judge = None if judge is None else ClassJudge(judge)
        self.question: Question | None = None
        self.asked = ""
        self.at_length = False
        self._readings: dict[tuple[str, str | None], AnswerValue | Abstain | None] | None = None

    def for_question(self, text: str) -> AutoAnswer:
        """Return a copy that reads short replies by what they add to this question."""
        asked = question_in(text)
        calls = self.calls.for_question(asked)
        found = bound(self, asked=asked, question=question_of(asked), calls=calls)
        found.at_length = asks_for_text(asked)
        found._readings = {}
        return found

    async def resolve(self, value: AnswerValue) -> Resolved:
        """Carry out the arguments of calls, where their answer types do."""
        return await self.calls.resolve(value) if _is_call(value) else Resolved(value)

    def yields(self, value: AnswerValue) -> bool:
        """Return what is said of calls by their own answer type."""
        return self.executes and _is_call(value) and self.calls.yields(value)

    def represent(self, samples: Sequence[Sample]) -> Sample:
        """Return the first sample; of calls, what their own answer type says."""
        return self.calls.represent(samples) if _is_call(samples[0].answer) else samples[0]

    def in_words(self, value: AnswerValue) -> bool:
        """Return whether an answer is no key, number, choice, notation, object or call.

        Reasons are words, key or not: there are many wordings of one. So is a number among words
        where the question does not tell that it is asked for.
        """
        return self._in_words(value, lambda t: self._has_value(t) and len(_WORDS.findall(t)) < 3)

    def _is_wording(self, value: AnswerValue) -> bool:
        """Return whether an answer is words, with numbers or not, which a judge may join."""
        return self._in_words(value, lambda text: is_mathematical(text) or not _WORDS.search(text))

    def _in_words(self, value: AnswerValue, has_value: Callable[[str], bool]) -> bool:
        text = str(value)
        if not isinstance(value, str) or text[:1] in ("{", "[") or choice_form(text) is not None:
            return False
        if self.question is not None and key(text, self.question) == text:
            return self.question.kind == "cause" and text != ABSENT
        return not has_value(text) and not _is_date(text)

    def for_tools(self, tools: Mapping[str, Schema]) -> AutoAnswer:
        """Return a copy that knows the tools of a request, for its calls."""
        return bound(self, calls=self.calls.for_tools(tools), _readings=None)

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return the canonical answer; tool calls and objects are JSON text, others plain text."""
        if self._readings is None or reply.tool_calls or reply.parsed is not None or reply.refusal:
            return self._read(reply, decimal_form)
        # Samples of one question often have one text.
        said = reply.text, reply.finish_reason
        if said not in self._readings and len(self._readings) < _KEPT:
            try:
                self._readings[said] = self._read(reply, decimal_form)
            except Abstain as abstention:
                self._readings[said] = abstention
        found = self._readings[said] if said in self._readings else self._read(reply, decimal_form)
        if isinstance(found, Abstain):
            raise Abstain(found.reason)
        return found

    def _read(self, reply: Reply, written: Callable[[str], str]) -> AnswerValue | None:
        """Return the answer; plain text is rewritten before it is read as one."""
        if reply.refusal:
            raise Abstain("refused")
        if reply.tool_calls or marked_calls(reply.text) or only_calls(reply.text):
            return self.calls.extract(reply)
        structured = object_form(reply)
        if structured is not None:
            return (None if reply.parsed is not None else score_of(structured)) or structured
        text = self._without_ending(reply.text)
        box, span = find_answer(text)
        if box is not None and (span is None or reply.finish_reason == CUT_OFF):
            return self._boxed(box)
        if reply.finish_reason == CUT_OFF:
            raise Abstain(CUT_OFF_NOTE)
        if span:
            return self._worded(span, written)
        if (score := score_in(reply.text)) is not None:
            return score
        if span is not None:
            return self._worded(span, written)
        if (inside := object_in_prose(reply.text)) is not None:
            return score_of(inside) or inside
        if (shown := set_apart(text)) and (value := self._shown(shown, written)) is not None:
            return value
        if len(text) > 10 * MAX_NOTATION:
            raise Abstain(FREE_TEXT)
        return self._worded(_FENCES.sub("", text), written)

    def _without_ending(self, text: str) -> str:
        text = minus_signs(text)
        return text if self.asked and asks_for_ending(self.asked) else answer_part(text)

    def _shown(self, line: str, written: Callable[[str], str]) -> AnswerValue | None:
        """Return the answer that a last line shows, if it is a value or answers the question."""
        bare = unwrapped(line)
        if self.question is not None and not self.at_length:
            found = key(line, self.question)
            if found is not None and len(found.split()) <= _FEW:
                return self._worded(line, written)
        valued = number_form(bare) or choice_form(bare) or money_form(bare)
        if valued or (is_mathematical(bare) and not _WORDS.search(_COMMAND.sub("", bare))):
            return self._worded(line, written)
        return None

    def canonical(self, text: str) -> AnswerValue | None:
        """Return the normal form of a recorded answer."""
        if calls := calls_in(text):
            return self.calls.form(calls)
        if len(text) > MAX_NOTATION:
            return None
        try:
            return self._read(Reply(text=text), str)  # a comma in it parts the items of a list
        except Abstain:
            return None

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether both are equal, or have the same value."""
        if first == second:
            return True
        if _is_call(first) or _is_call(second):
            return self.calls.same(first, second)
        if self.judge is not None and self.judge.same(self.asked, first, second):
            return True
        # In mathematics [1, 2, 3] and (1, 2, 3) are one vector, in a program a list and a tuple.
        if self.question is not None and {str(first)[:1], str(second)[:1]} == {"[", "("}:
            return False
        if self.question is not None:
            for amount, other in ((first, second), (second, first)):
                number = number_with_unit(str(amount))
                if number is not None and number_form(str(other)):
                    return self.math.same(number, other)
        first, second = self._bare(first), self._bare(second)
        if not (self._has_value(first) and self._has_value(second)):
            return False
        return self.math.same(first, second)

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Find the values of answers that have one, and ask the judge about new wordings."""
        usage = Usage()
        if others and self._has_value(bare := self._bare(answer)):
            valued = [other for other in map(self._bare, others) if self._has_value(other)]
            usage += await self.math.prepare(bare, valued)
        if self.judge is not None:
            usage += await self.judge.prepare(self.asked, answer, others, self._is_wording)
        return usage

    def _bare(self, value: AnswerValue) -> AnswerValue:
        """Return what is compared by value: of a key the number that alone has this key.

        So 90 minutes equal t = 90 where minutes are asked for. A list has its order in brackets,
        where an order is asked for.
        """
        question = self.question
        if question is None or not isinstance(value, str):
            return value
        if question.asks_for_order and (listed := sequence_form(value)) != value:
            return listed
        number = number_behind(value, question)
        return value if number is None else number

    def _has_value(self, value: AnswerValue) -> bool:
        """Return whether arithmetic can say something about an answer; of a key nothing."""
        if self.question is None:
            return _has_value(value)
        text = str(value)
        if self.question.wants_id or is_pointed(text, self.question):
            return False
        return number_form(text) is not None or (
            is_mathematical(text) and not is_code(text, self.asked)
        )

    def _worded(self, text: str, written: Callable[[str], str]) -> AnswerValue:
        """Return what a short text adds to the question, where it is known; else its form.

        A form that itself adds something plain is read so too: then no form is another's key.
        """
        if self.question is None:
            return self._checked(written(text))
        if self.at_length and short_form(text) is None:
            raise Abstain(AT_LENGTH)
        ordered = self.question.asks_for_order and not self.question.wants_id
        if ordered:
            text = in_one_line(text)
            if listed := letters_in(text):
                return listed
        found = key(text, self.question)
        if is_pointed(text, self.question):
            return text.strip(" .*_")  # 1.234 or 1234: one vote with itself only
        if found is None:
            inside = quoted(text)
            if inside and key(inside, self.question) == ABSENT:
                return f'"{inside.casefold()}"'  # the value "unknown"
            form = self._checked(written(with_commas(text) if ordered else text))
            # "Is it 12?" asks back, "is it 12" would not.
            asks = text.rstrip().endswith(("?", "？"))
            found = (None if asks else key(form, self.question)) or form
            if found == ABSENT:
                raise Abstain(FREE_TEXT)  # only without its marks: "not Bray, as the text says"
            beside = set(_IN_BRACKETS.findall(text)) & self.question.labels.keys()
            if found in self.question.labels and not beside <= {found}:
                raise Abstain("names two choices")  # "iron (B)", of which the form keeps "iron"
        return found

    def _boxed(self, box: str) -> AnswerValue:
        """Return the vote of a box: that of the same words without one, else its notation."""
        question = self.question
        if question is None:
            return self._checked(box)
        # An underscore that is left is one of a name: as an index it is notation.
        plain = plain_box(box, spaced=not question.wants_id)
        # "The smallest number" is none that is compared by its characters, "the account number" is.
        counts = question.wants_id and _COUNTS.fullmatch(plain or "") is not None
        if plain and not counts:
            found = key(plain, question)
            says = found is not None or is_pointed(plain, question)
            notes = question.kind in _NAMES and self._is_notation(plain.replace("_", ""))
            if number_with_unit(found or "") or (
                not notes and (says or not is_mathematical(plain))
            ):
                return self._worded(plain, str)
        if question.asks_for_order:
            return self._worded(box, str)
        form = self._checked(box)
        return (key(form, question) if number_form(form) else None) or form

    def _is_notation(self, text: str) -> bool:
        """Return whether a text is an expression, which only looks like a name."""
        wants_id = self.question is not None and self.question.wants_id
        return not wants_id and number_form(text) is None and is_mathematical(text)

    def _checked(self, text: str) -> str:
        """Return the form of a short text, or the object that is in it once it is in plain signs."""
        form = short_form(text)
        if form is None or is_marked(form):
            raise Abstain(FREE_TEXT if text.strip() else "empty")
        if says_nothing(form):
            raise Abstain("does not answer")
        inside = object_in_prose(form) if "{" in form else None
        return form if inside is None else score_of(inside) or inside


def _is_call(value: AnswerValue) -> bool:
    return str(value).startswith('[{"args":')


def _has_value(value: AnswerValue) -> bool:
    """Return whether a canonical answer is one that arithmetic can say something about."""
    text = str(value)
    if text[:2] in ('{"', "{}", "[{") or _is_date(text):
        return False
    return is_mathematical(text) or any(map(str.isdigit, text))


def _is_date(text: str) -> bool:
    return len(text) == 10 and date_form(text) == text
