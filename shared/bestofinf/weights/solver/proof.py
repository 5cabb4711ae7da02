"""Which solver proved what about an optimum."""

from __future__ import annotations

from dataclasses import dataclass

PROGRAM, NOTHING = "python-mip", "nothing contested"


@dataclass(frozen=True, slots=True)
class Proof:
    """Which methods proved an optimum.

    Attributes:
        wins: The method that proved that no mixture wins more: "python-mip", its mixed-integer
            program over all mixtures; "search", branching on the mixture, with a program for every
            piece with few contested questions; "sweep", all triangles of members; "nothing
            contested". None if it is not proven.
        margin: The method that proved the widest margin, which is found by a linear program of
            python-mip for the questions won; None if it is not proven.
        programs: Number of programs that python-mip solved.
    """

    wins: str | None
    margin: str | None
    programs: int
