"""`bestofinf calibrate`: what a scorer's scores are worth, and the score to stop at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.calibration import Calibration, ScorePool

_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


def calibrate(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Scored replies: files, folders or stores."),
    ],
    accuracy: Annotated[
        float, typer.Option(help="Share of right replies wanted at and above the least score.")
    ] = 0.9,
    method: Annotated[str, typer.Option(help="isotonic, logistic, or auto: the better.")] = "auto",
    column: Annotated[
        int, typer.Option(min=0, help="Which score, where samples have several; from 0.")
    ] = 0,
    member: Annotated[str | None, typer.Option(help="Take this member's samples alone.")] = None,
    answer: Annotated[
        str, typer.Option("--answer", help="Answer type that says which answers are the same.")
    ] = "text",
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the split into folds.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the calibration to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit P(right | score) to graded replies and choose the score to stop at.

    Scores of different scorers are not comparable. The file written with --out holds the curve
    and the prior on scores; name it in a rule: optscale:calibration=FILE.
    """
    from bestofinf.calibration import fit_calibration, read_pool  # slow: it brings scipy.stats

    pool = read_pool(paths, column=column, member=member, answer=answer)
    calibration = fit_calibration(
        pool, accuracy=accuracy, method=method, folds=folds, seed=seed, name=pool.name
    )
    if out is not None:
        try:
            calibration.save(out)
        except OSError as error:
            raise UsageError(f"{out}: cannot be written: {error.strerror}") from None
    record = summary(calibration, pool)
    record["rule"] = _rule(calibration, out)
    if as_json:
        typer.echo(json.dumps(record))
    else:
        _show(record)


def summary(calibration: Calibration, pool: ScorePool) -> dict[str, Any]:
    """Return what the command prints, as JSON types.

    Keys: name, questions, samples, base_rate, auc, method, ece, brier, accuracy, min_score, and
    levels, a list of {score, chance, right_above, samples_above}; `right_above` is None where no
    reply is scored as high.
    """
    from bestofinf.calibration import share_right_above

    scores, grades, _ = pool.columns()
    levels = []
    for level in _LEVELS:
        share, above = share_right_above(scores, grades, level)
        levels.append(
            {
                "score": level,
                "chance": calibration.chance(level),
                "right_above": share if above else None,
                "samples_above": above,
            }
        )
    return {
        "name": calibration.name,
        "questions": calibration.n_questions,
        "samples": calibration.n_samples,
        "base_rate": calibration.base_rate,
        "auc": calibration.auc,
        "method": calibration.method,
        "ece": calibration.ece,
        "brier": calibration.brier,
        "accuracy": calibration.accuracy,
        "min_score": calibration.min_score,
        "levels": levels,
    }


def _rule(calibration: Calibration, out: Path | None) -> str | None:
    """Return the rule to use, as on the command line; None when the accuracy is out of reach."""
    if calibration.min_score is None:
        return None
    rule = f"optscale:min_score={calibration.min_score:.4g}"
    return rule if out is None else f"{rule},calibration={out}"


def _show(record: dict[str, Any]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{record['samples']} scored replies to {record['questions']} questions, "
        f"{record['base_rate']:.1%} right; area under the curve {record['auc']:.3f}"
    )
    console.print(
        f"{record['method']} curve: calibration error {record['ece']:.3f}, squared error "
        f"{record['brier']:.3f} on held-out folds"
    )
    table = Table("score", "P(right)", "right at and above", "replies")
    for level in record["levels"]:
        share = level["right_above"]
        table.add_row(
            f"{level['score']:g}",
            f"{level['chance']:.3f}",
            "" if share is None else f"{share:.3f}",
            str(level["samples_above"]),
        )
    console.print(table)
    if record["rule"] is None:
        console.print(f"No score reaches an accuracy of {record['accuracy']:g}.")
    else:
        console.print(
            f"For an accuracy of {record['accuracy']:g}: [bold]--rule {record['rule']}[/]"
        )
