"""The evaluation store: a database of calls, samples and labels."""

from bestofinf.evaluation.store.labelling import Label
from bestofinf.evaluation.store.store import EvaluationStore

__all__ = ["EvaluationStore", "Label"]
