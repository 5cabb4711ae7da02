"""Which solver proved what about an optimum."""

from __future__ import annotations

from dataclasses import dataclass

PROGRAM, NOTHING = "python-mip", "nothing contested"


@dataclass(frozen=True, slots=True)
class Proof:
    """Which solver proved what about an optimum.

    Attributes:
        wins: Who proved that no mixture wins more: "python-mip", its mixed-integer program over
            all mixtures; "search", branching on the mixture, with a program for every piece with
            few contested questions; "sweep", all triangles of members; "nothing contested". None
            where it is not proven.
        margin: The same for the widest margin, which is a linear program of python-mip for the
            questions won; None where it is not proven.
        programs: How many programs python-mip solved.
    """

    wins: str | None
    margin: str | None
    programs: int
