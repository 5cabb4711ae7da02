"""Language models small enough to ship: real sampling without network, key or download.

Four members and a verifier, character transformers run by numpy alone. ``sum``, ``mul`` and
``clock`` are good at some families of questions and poor at others; ``hasty`` makes the same
slips time after time. Together they know more than the best of them, and `recorded` holds what
they answered, for tests and examples of everything that reads an evaluation set.

>>> from bestofinf import tiny
>>> model = tiny.load("sum")
>>> choice = model.complete("What is 12 + 30 + 41?", tiny.Options(seed=1)).choices[0]
>>> choice.text.splitlines()[-1]
'The answer is 83.'
"""

from bestofinf.tiny.alphabet import CONTEXT
from bestofinf.tiny.chat import TinyMember
from bestofinf.tiny.files import MEMBERS, load, load_verifier, recorded
from bestofinf.tiny.model import (
    Choice,
    Completion,
    Options,
    Piece,
    SampleCounter,
    TinyModel,
    count_prompt,
    find_question,
    question_of,
)
from bestofinf.tiny.questions import FAMILIES, Problem, answer_of, questions
from bestofinf.tiny.verifier import Verifier

__all__ = [
    "CONTEXT",
    "FAMILIES",
    "MEMBERS",
    "Choice",
    "Completion",
    "Options",
    "Piece",
    "Problem",
    "SampleCounter",
    "TinyMember",
    "TinyModel",
    "Verifier",
    "answer_of",
    "count_prompt",
    "find_question",
    "load",
    "load_verifier",
    "question_of",
    "questions",
    "recorded",
]
