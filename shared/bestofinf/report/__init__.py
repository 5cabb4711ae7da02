"""The report: one self-contained page about an evaluation set."""

from bestofinf.report.facts import Facts, QuestionFacts, gather
from bestofinf.report.page import write_page, write_pictures

__all__ = ["Facts", "QuestionFacts", "gather", "write_page", "write_pictures"]
