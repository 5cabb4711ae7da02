"""Compare a report with an earlier one, whose facts are stored in its page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bestofinf.border import read_text
from bestofinf.errors import UsageError
from bestofinf.report.facts import Facts

_KEPT = re.compile(r'<script type="application/json" id="facts">([^<]*)</script>')


def read_facts(path: str | Path) -> dict[str, Any]:
    """Return the facts stored in an earlier report; empty if it had no advice.

    Raises:
        UsageError: If the file is not a report of this program.
    """
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    found = _KEPT.search(text)
    try:
        facts = None if found is None else json.loads(found[1])
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict) or not ({"advice", "questions"} <= facts.keys() or not facts):
        raise UsageError(f"{path}: not a report made by bestofinf")
    return facts


def facts_there(path: Path) -> dict[str, Any] | None:
    """Return the facts of the report at a path; None if there is no report."""
    if not path.is_file():
        return None
    try:
        return read_facts(path) or None
    except UsageError:
        return None  # another page, which the user wants to overwrite


def changes(before: dict[str, Any], facts: Facts) -> list[str]:
    """Return what is different from an earlier report, in sentences."""
    lines = []
    old, new = before["advice"], facts.advice
    if old["recommendation"] != new.recommendation:
        lines.append(f"The advice was: {old['recommendation']}")
    then = old["heldout"].get(old["chosen"], {}).get("accuracy")
    now = new.heldout[new.chosen.name].accuracy if new.chosen.name in new.heldout else None
    if then is not None and now is not None and abs(now - then) >= 0.0005:
        lines.append(
            f"Held-out accuracy of the advised strategy went from {100 * then:.1f} % "
            f"to {100 * now:.1f} %."
        )
    known = before["questions"]
    added = [q.id for q in facts.questions if q.id not in known]
    here = {q.id for q in facts.questions}
    gone = [q for q in known if q not in here]
    both = [q for q in facts.questions if q.id in known]
    won = [q.id for q in both if q.right and not known[q.id]["right"]]
    lost = [q.id for q in both if not q.right and known[q.id]["right"]]
    for ids, what in (
        (added, "new"),
        (gone, "no longer there"),
        (won, "now right"),
        (lost, "now wrong"),
    ):
        if ids:
            listed = ", ".join(ids[:8]) + (", …" if len(ids) > 8 else "")
            lines.append(f"{len(ids)} questions are {what}: {listed}")
    return lines
