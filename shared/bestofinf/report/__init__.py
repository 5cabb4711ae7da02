"""The facts of a report about an evaluation set; `bestofinf.view` shows them."""

from bestofinf.report.earlier import changes, facts_there, read_facts
from bestofinf.report.facts import Facts, QuestionFacts, gather
from bestofinf.report.overview import Overview, overview

__all__ = [
    "Facts",
    "Overview",
    "QuestionFacts",
    "changes",
    "facts_there",
    "gather",
    "overview",
    "read_facts",
]
