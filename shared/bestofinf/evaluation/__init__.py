"""Evaluation sets: recorded answers that weights and stopping prices are learned from.

A set is read from files or from a store; a store is filled while the application runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bestofinf.evaluation.files import read_file, read_files, write_file
from bestofinf.evaluation.sets import EvaluationSet, Question, Samples

if TYPE_CHECKING:
    from bestofinf.evaluation.censoring import Estimate, Explore, accuracy, answer_shares
    from bestofinf.evaluation.export import export_jsonl, import_files
    from bestofinf.evaluation.frames import (
        export_parquet,
        from_frames,
        import_parquet,
        to_frames,
    )
    from bestofinf.evaluation.identity import question_id
    from bestofinf.evaluation.labels import label_evaluation, label_examples, label_file
    from bestofinf.evaluation.reading import read
    from bestofinf.evaluation.recorder import Recorder, RecorderStats
    from bestofinf.evaluation.status import StoreStatus
    from bestofinf.evaluation.store import EvaluationStore, Label

# What needs the database is loaded when first used.
_MODULES = {
    "censoring": ("Estimate", "Explore", "accuracy", "answer_shares"),
    "export": ("export_jsonl", "import_files"),
    "frames": ("export_parquet", "from_frames", "import_parquet", "to_frames"),
    "identity": ("question_id",),
    "labels": ("label_evaluation", "label_examples", "label_file"),
    "reading": ("read",),
    "recorder": ("Recorder", "RecorderStats"),
    "status": ("StoreStatus",),
    "store": ("EvaluationStore", "Label"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Estimate",
    "EvaluationSet",
    "EvaluationStore",
    "Explore",
    "Label",
    "Question",
    "Recorder",
    "RecorderStats",
    "Samples",
    "StoreStatus",
    "accuracy",
    "answer_shares",
    "export_jsonl",
    "export_parquet",
    "from_frames",
    "import_files",
    "import_parquet",
    "label_evaluation",
    "label_examples",
    "label_file",
    "question_id",
    "read",
    "read_file",
    "read_files",
    "to_frames",
    "write_file",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'bestofinf.evaluation' has no attribute {name!r}")
    value = getattr(import_module(f"bestofinf.evaluation.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
