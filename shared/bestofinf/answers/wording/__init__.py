"""What a short reply adds to its question: the key by which its wordings are one vote.

Names are loaded when first used: an ensemble needs the languages with its first answer type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.answers.wording.absent import ABSENT, quoted
    from bestofinf.answers.wording.asking import language_of, question_of
    from bestofinf.answers.wording.keys import is_pointed, key, number_behind, number_with_unit
    from bestofinf.answers.wording.length import is_long
    from bestofinf.answers.wording.prompts import asks_for_text, question_in
    from bestofinf.answers.wording.question import Question

__all__ = [
    "ABSENT",
    "Question",
    "asks_for_text",
    "is_long",
    "is_pointed",
    "key",
    "language_of",
    "number_behind",
    "number_with_unit",
    "question_in",
    "question_of",
    "quoted",
]

__getattr__ = handed_on(
    __name__,
    {
        "absent": ("ABSENT", "quoted"),
        "asking": ("language_of", "question_of"),
        "keys": ("is_pointed", "key", "number_behind", "number_with_unit"),
        "length": ("is_long",),
        "prompts": ("asks_for_text", "question_in"),
        "question": ("Question",),
    },
)


def __dir__() -> list[str]:
    return list(__all__)
