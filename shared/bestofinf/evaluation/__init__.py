"""Evaluation sets: recorded answers that weights and stopping prices are learned from.

A set is read from files or from a store; a store is filled while the application runs. Names are
imported when first used, because an ensemble needs neither files nor the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestofinf._extras import handed_on

if TYPE_CHECKING:
    from bestofinf.evaluation.censoring import Estimate, Explore, accuracy, answer_shares
    from bestofinf.evaluation.export import export_jsonl, import_files
    from bestofinf.evaluation.files import read_file, read_files, write_file
    from bestofinf.evaluation.frames import (
        export_parquet,
        from_frames,
        import_parquet,
        to_frames,
    )
    from bestofinf.evaluation.identity import question_id
    from bestofinf.evaluation.labels import label_evaluation, label_examples, label_file
    from bestofinf.evaluation.reading import read
    from bestofinf.evaluation.recording.recorder import Recorder
    from bestofinf.evaluation.recording.stats import RecorderStats
    from bestofinf.evaluation.samples import Samples
    from bestofinf.evaluation.sets import EvaluationSet, Question
    from bestofinf.evaluation.store.labelling import Label
    from bestofinf.evaluation.store.status import StoreStatus
    from bestofinf.evaluation.store.store import EvaluationStore

_MODULES = {
    "censoring": ("Estimate", "Explore", "accuracy", "answer_shares"),
    "export": ("export_jsonl", "import_files"),
    "files": ("read_file", "read_files", "write_file"),
    "frames": ("export_parquet", "from_frames", "import_parquet", "to_frames"),
    "identity": ("question_id",),
    "labels": ("label_evaluation", "label_examples", "label_file"),
    "reading": ("read",),
    "recording.recorder": ("Recorder",),
    "recording.stats": ("RecorderStats",),
    "samples": ("Samples",),
    "sets": ("EvaluationSet", "Question"),
    "store.status": ("StoreStatus",),
    "store.labelling": ("Label",),
    "store.store": ("EvaluationStore",),
}

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


__getattr__ = handed_on(__name__, _MODULES)


def __dir__() -> list[str]:
    return list(__all__)
