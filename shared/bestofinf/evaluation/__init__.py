"""Evaluation sets: recorded answers that weights and stopping prices are learned from."""

from bestofinf.evaluation.files import read_file, read_files, write_file
from bestofinf.evaluation.sets import EvaluationSet, Question, Samples

__all__ = ["EvaluationSet", "Question", "Samples", "read_file", "read_files", "write_file"]
