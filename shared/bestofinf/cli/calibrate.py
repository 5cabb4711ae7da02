"""`bestofinf calibrate`: what a scorer's scores are worth, and the score to stop at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bestofinf.cli.options import AnswerName, AsJson
from bestofinf.cli.recorded import tell_unread
from bestofinf.cli.tables import Column, show_table
from bestofinf.cli.terminal import Console, echo
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
        float, typer.Option(help="Share of right replies that the score to stop at must reach.")
    ] = 0.9,
    method: Annotated[
        str, typer.Option(help="isotonic, logistic, or auto for the better of the two.")
    ] = "auto",
    column: Annotated[
        int, typer.Option(min=0, help="Index of the score, from 0, if samples have several.")
    ] = 0,
    member: Annotated[str | None, typer.Option(help="Use only the samples of this member.")] = None,
    answer: AnswerName = None,
    probability: Annotated[
        bool,
        typer.Option(
            "--probability",
            help="Score replies by the mean probability of their tokens, as MeanLogprob does.",
        ),
    ] = False,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the split into folds.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the calibration to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit P(right | score) to graded replies and choose the score to stop at.

    Scores of different scorers are not comparable. The file written with --out holds the curve
    and the prior on scores; name it in a rule: optscale:calibration=FILE.
    """
    from bestofinf.calibration import fit_calibration, read_pool  # slow: it brings scipy.stats

    pool = read_pool(paths, column=column, member=member, answer=answer, probability=probability)
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
    record["coverage"] = None if pool.coverage is None else pool.coverage.to_json()
    record |= {"texts": 0, "without_answer": 0} if pool.read is None else pool.read.to_json()
    if as_json:
        typer.echo(json.dumps(record))
    else:
        _show(record)
        if pool.read is not None:
            tell_unread(pool.read, Console())
        if pool.coverage is not None and not pool.coverage.complete:
            echo(str(pool.coverage))


def summary(calibration: Calibration, pool: ScorePool) -> dict[str, Any]:
    """Return what the command prints, as JSON types.

    Keys: name, questions, samples, base_rate, auc, method, ece, brier, accuracy, min_score,
    held_out_accuracy, held_out_se, promised (see `Calibration`), and
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
        "held_out_accuracy": calibration.held_out_accuracy,
        "held_out_se": calibration.held_out_se,
        "promised": calibration.promised,
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
    names = ("score", "P(right)", "right at and above", "replies")
    rows = [
        (
            f"{level['score']:g}",
            f"{level['chance']:.3f}",
            "" if level["right_above"] is None else f"{level['right_above']:.3f}",
            f"{level['samples_above']:,}",
        )
        for level in record["levels"]
    ]
    show_table(console, [Column(name, "number") for name in names], rows)
    if record["rule"] is None:
        console.print(f"No score reaches an accuracy of {record['accuracy']:g}.")
    else:
        console.print(
            f"For an accuracy of {record['accuracy']:g}: [bold]--rule {record['rule']}[/]"
        )
        told = f"{record['held_out_accuracy']:.3f} ± {record['held_out_se']:.3f}"
        console.print(
            f"On questions left out of the choice {told} were right"
            + ("." if record["promised"] else ": too uncertain to be promised.")
        )
