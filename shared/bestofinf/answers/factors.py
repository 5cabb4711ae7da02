r"""Letters side by side: factors, as in ``2ab+c``, or a code, as in AB-12."""

from __future__ import annotations

import re

_WORDS = re.compile(r"\\text\s?\{[^{}]*\}")
_NAMED = re.compile(
    r"(?<![A-Za-z])(?:(?:sqrt|cbrt|ln|log|exp|(?:a|arc)?(?:sin|cos|tan)|sinh|cosh|tanh|cot|sec|csc)(?=\s?\()|pi(?![A-Za-z]))"
)
"""Functions and constants in letters, as `bestofinf.answers.latex` reads them."""

_LETTERS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
_FACTORS = re.compile(r"[a-z]{2,3}")
_OPERATION = re.compile(r"\\[A-Za-z]|[\w)}]\s?[+^]\s?[\w({\\]")
"""What no code has in it: a command, a sum or a power."""


_PROGRAM = re.compile(
    r"(?<!\w)(?:prints?|printed|outputs?|returns?|returned|strings?|regex|pattern|code|program|script)(?!\w)",
    re.I,
)
"""Words of questions whose answer may be text with signs in it: "What does it print?"."""


def is_code(text: str, asked: str = "") -> bool:
    r"""Return whether letters side by side in notation may be a code, whose parts are no factors.

    They are factors if they are few and small, and something shows that it is an expression. What
    is set as text is compared as text anyway.

    Args:
        text: The notation.
        asked: The question.

    >>> [is_code(text) for text in ("AB-12", "ab/cd", "2ab+c", r"\frac{xy}{2}", r"80\text{km/h}", "s=ab")]
    [True, True, False, False, False, True]
    """
    found = _LETTERS.findall(_NAMED.sub("", _WORDS.sub("", text)))
    if not found:
        return False
    operates = _OPERATION.search(text) and all(map(_FACTORS.fullmatch, found))
    return not operates or _PROGRAM.search(asked) is not None
