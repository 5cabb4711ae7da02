"""What a short reply adds to its question: the key by which its wordings are one vote."""

from bestofinf.answers.wording.absent import ABSENT
from bestofinf.answers.wording.asking import language_of, question_of
from bestofinf.answers.wording.key import is_pointed, key
from bestofinf.answers.wording.prompts import asks_for_text, question_in
from bestofinf.answers.wording.question import Question
from bestofinf.answers.wording.reply import is_long

__all__ = [
    "ABSENT",
    "Question",
    "asks_for_text",
    "is_long",
    "is_pointed",
    "key",
    "language_of",
    "question_in",
    "question_of",
]
