"""The values that travel through a vote: draws, replies, samples, failures, decisions.

All are immutable. A *draw* is a request for one sample. A *sample* is the reply to it with its cost
and length. An *answer* is the vote taken from a sample; None means that the sample abstains.
"""

from bestofinf.records.decisions import (
    AnswerValue,
    Decision,
    Failure,
    Outcome,
    Sample,
    TrailEntry,
)
from bestofinf.records.likelihood import Likelihood, LogprobKind
from bestofinf.records.members import Draw, Member, Usual, checked_price
from bestofinf.records.replies import Reading, Reply, ToolCall, Usage

__all__ = [
    "AnswerValue",
    "Decision",
    "Draw",
    "Failure",
    "Likelihood",
    "LogprobKind",
    "Member",
    "Outcome",
    "Reading",
    "Reply",
    "Sample",
    "ToolCall",
    "TrailEntry",
    "Usage",
    "Usual",
    "checked_price",
]
