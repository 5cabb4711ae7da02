"""The page: facts and pictures in one file that needs nothing else."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from bestofinf._extras import require
from bestofinf.errors import UsageError
from bestofinf.report.facts import Facts
from bestofinf.report.figures import PICTURES, drawn

_KEPT = re.compile(r'<script type="application/json" id="facts">(.*?)</script>', re.DOTALL)


def write_page(facts: Facts, path: str | Path, *, previous: str | Path | None = None) -> None:
    """Write the report as one HTML page.

    Args:
        facts: What it is about.
        path: Where to write. An earlier report there is what the new one is compared with.
        previous: Compare with this earlier report instead.

    Raises:
        UsageError: If `previous` is no report, or the file cannot be written.
        MissingExtraError: If matplotlib or jinja2 is not installed.
    """
    jinja2 = require("jinja2", extra="plots", purpose="a report")
    path = Path(path)
    before = read_facts(previous) if previous is not None else _facts_there(path)
    source = files("bestofinf.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    pictures = []
    for name, (title, _) in PICTURES.items():
        svg = drawn(name, facts, "svg")
        if svg is not None:
            text = svg.decode()
            pictures.append((name, title, text[text.index("<svg") :]))
    page = environment.from_string(source).render(
        facts=facts,
        pictures=pictures,
        strategies=sorted(facts.advice.heldout.values(), key=lambda o: -o.accuracy),
        changes=_changes(before, facts) if before is not None else None,
        kept=json.dumps(facts.to_json(), ensure_ascii=True).replace("<", "\\u003c"),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def write_pictures(facts: Facts, path: str | Path) -> list[Path]:
    """Write every picture as a PNG beside `path`, as NAME-PICTURE.png; return the paths."""
    path = Path(path)
    written = []
    for name in PICTURES:
        png = drawn(name, facts, "png")
        if png is not None:
            target = path.with_name(f"{path.stem}-{name}.png")
            try:
                target.write_bytes(png)
            except OSError as error:
                raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
            written.append(target)
    return written


def read_facts(path: str | Path) -> dict[str, Any]:
    """Return the facts that an earlier report keeps.

    Raises:
        UsageError: If the file is no report of this program.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    found = _KEPT.search(text)
    if found is None:
        raise UsageError(f"{path}: not a report made by bestofinf")
    facts: dict[str, Any] = json.loads(found[1])
    return facts


def _facts_there(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return read_facts(path)
    except UsageError:
        return None  # some other page, about to be replaced at the user's wish


def _changes(before: dict[str, Any], facts: Facts) -> list[str]:
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
