"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from bestofinf.answers.names import ANSWER_NAMES

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RecordedPaths: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Recorded answers: files, folders or stores."),
]
AnswerName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--answer",
        help=f"How texts become answers: {', '.join(ANSWER_NAMES)}. By default auto for whole "
        "replies, text for answers already taken out.",
    ),
]
MemberPrices: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="NAME=MONEY for a million generated tokens of a member; give several."),
]
EnsembleFile: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="[FILE.toml]", help="An ensemble's file, in place of --model."),
]
EnsembleName: TypeAlias = Annotated[
    str | None, typer.Option(help="Name of the ensemble, if the file has several.")
]
WeightsFile: TypeAlias = Annotated[
    str | None, typer.Option(help="A file that `bestofinf fit --out` wrote.")
]
Temperature: TypeAlias = Annotated[
    float | None, typer.Option(help="Temperature sent to every model; the models' own by default.")
]
BaseUrl: TypeAlias = Annotated[
    str | None, typer.Option(help="Address of an OpenAI-compatible server.")
]
