"""Mathematical answers, compared by value."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import MutableMapping, Sequence
from importlib.util import find_spec

from bestofinf._concurrency.forks import ForkSafeLock
from bestofinf.answers.base import Abstain, Answer
from bestofinf.answers.boxes import last_box
from bestofinf.answers.closings import set_apart
from bestofinf.answers.endings import answer_part, without_rounded
from bestofinf.answers.finding import find_answer
from bestofinf.answers.forms import (
    MAX_NOTATION,
    MAX_SHORT,
    MAX_WORDS,
    count_words,
    encodable,
    even,
    says_nothing,
    settled,
)
from bestofinf.answers.latex import is_mathematical, latex_form, unwrapped
from bestofinf.answers.maths.client import Values, shared_client
from bestofinf.answers.maths.forms import MathForm, finish, leaves
from bestofinf.answers.maths.reading import read
from bestofinf.answers.numbers import decimal_form, minus_signs, number_form
from bestofinf.answers.sentences import concluded, only_value, stated
from bestofinf.border import CUT_OFF
from bestofinf.errors import MissingExtraError
from bestofinf.records import AnswerValue, Reply, Usage

KEPT = 50_000
"""Forms and values kept in memory."""


_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{3,}(?![(A-Za-z])")


def _form(text: str) -> str:
    box = last_box(text) if "\\boxed" in text else None
    text = unwrapped(text if box is None else box.content)
    # What is taken out of notation may have stood between a sign and its number.
    return number_form(text) or minus_signs(latex_form(text))


def missing_package() -> str:
    """Return the first package of the extra ``math`` that is not installed; empty if none."""
    needed = ("math_verify", "latex2sympy2_extended", "sympy")
    return next((package for package in needed if find_spec(package) is None), "")


class MathAnswer(Answer):
    r"""A mathematical answer: ``11(1+\sqrt5)`` and ``11\sqrt5+11`` are one vote.

    Fractions, roots, intervals, sets, tuples, matrices, equations and units are taken apart as
    text; only expressions go to the parser of math-verify, in a process of its own with limits
    on time and memory, and are compared by their value. Nothing is evaluated as Python. What
    cannot be read votes as the string it is.

    A vote without a unit or without "x =" equals the same value with one, so equivalence is not
    transitive there: 5 equals both 5 cm and 5 m. An answer joins the oldest class whose first
    answer it equals.

    Args:
        values: Where values of expressions are kept, such as a
            `bestofinf.evaluation.cache.ValueCache` on disk; in memory otherwise.
        symbolic: Without it expressions are strings, and the extra is not needed; numbers, units,
            sets and the like are still understood.

    Raises:
        MissingExtraError: If the extra ``math`` is not installed.
    """

    expected = True

    def __init__(
        self, *, values: MutableMapping[str, Values] | None = None, symbolic: bool = True
    ) -> None:
        if symbolic and (package := missing_package()):
            raise MissingExtraError(package, "math", "the answer type 'math'")
        self.symbolic = symbolic
        self._bounded = values is None
        self._values: MutableMapping[str, Values] = {} if values is None else values
        self._forms: OrderedDict[str, MathForm] = OrderedDict()
        self._lock = ForkSafeLock()

    def extract(self, reply: Reply) -> AnswerValue | None:
        """Return what is boxed, announced or concluded, or the reply itself where it is short."""
        whole = minus_signs(answer_part(reply.text))
        box, span = find_answer(whole)
        if box is not None and (span is None or reply.finish_reason == CUT_OFF):
            return self._told(box)
        if reply.finish_reason == CUT_OFF:
            raise Abstain("cut off")
        if span is not None:
            return self._told(decimal_form(stated(span) or span))
        if (shown := set_apart(whole)) is not None and (value := self._shown(shown)) is not None:
            return value
        text = whole.strip() if len(whole) <= MAX_NOTATION else ""
        short = len(text) <= MAX_SHORT and (
            (words := count_words(text)) <= MAX_WORDS
            or (words <= 3 * MAX_WORDS and is_mathematical(text))
        )
        if text and short:
            return self._told(decimal_form(only_value(text) or concluded(text) or text))
        if (found := concluded(whole)) is not None:
            return self._told(decimal_form(found))
        raise Abstain("free text" if whole.strip() else "empty")

    def _shown(self, line: str) -> AnswerValue | None:
        """Return the value that a last line shows; None where it is words."""
        line = without_rounded(line)
        if (value := stated(line)) is None:
            value = unwrapped(line)
            if number_form(value) is None and (not is_mathematical(value) or _WORD.search(value)):
                return None
        return self._told(decimal_form(value))

    def _told(self, span: str) -> AnswerValue:
        value = self._form(without_rounded(span))
        if value is None or says_nothing(value):
            raise Abstain("does not answer" if value else "empty")
        return value

    def canonical(self, text: str) -> AnswerValue | None:
        """Return a number in its one spelling, anything else without LaTeX noise."""
        if "\n" in text and "\\begin" not in text:  # a whole reply
            return super().canonical(text)
        return self._form(text)

    def _form(self, text: str) -> str | None:
        if len(text) > MAX_NOTATION:
            return None
        return settled(_form, even(encodable(text))) or None

    def same(self, first: AnswerValue, second: AnswerValue) -> bool:
        """Return whether both have the same value; asks the worker where `prepare` has not."""
        if first == second:
            return True
        return self.form(str(first)).agrees(self.form(str(second)))

    async def prepare(self, answer: AnswerValue, others: Sequence[AnswerValue]) -> Usage:
        """Find the values of the answers without blocking the event loop."""
        unknown = [str(v) for v in (answer, *others) if str(v) not in self._forms] if others else []
        if unknown:
            await asyncio.to_thread(lambda: [self.form(text) for text in unknown])
        return Usage()

    def form(self, text: str) -> MathForm:
        """Return what an answer is compared by. Thread-safe."""
        with self._lock:
            if (known := self._forms.get(text)) is not None:
                self._forms.move_to_end(text)
                return known
        reading = read(text)
        wanted = leaves(reading) if self.symbolic else []
        missing = [leaf for leaf in wanted if leaf not in self._values]
        # Without values, out of its limits, the worker is not asked again for this answer, but
        # another process may be luckier: that is not kept with the values.
        found = shared_client().values(missing) if missing else None
        if found is not None:
            if self._bounded and len(self._values) > KEPT:
                self._values.clear()
            self._values.update(zip(missing, found, strict=True))
        form = finish(reading, {leaf: self._values.get(leaf) for leaf in wanted})
        with self._lock:
            self._forms[text] = form
            while len(self._forms) > KEPT:
                self._forms.popitem(last=False)
        return form
