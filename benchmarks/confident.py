"""How far the probability of one reply tells right from wrong: ``python -m benchmarks.confident``.

On the recorded replies of a small real model (``tests/real/recorded``): the chance that a right reply
has a higher mean log-probability of its tokens than a wrong one, to any question; and the bars from which
on replies are right as often as wanted, tried on questions left out of the choice.
"""

from __future__ import annotations

from benchmarks.common import connect_support, table
from bestofinf.calibration import ScorePool, fit_calibration
from bestofinf.evaluation.canonical import canonical

WANTED = (0.5, 0.7, 0.9)


def main() -> None:
    connect_support()
    from support.real.recorded import evaluation_set

    read = canonical(evaluation_set("raw"), "text")
    lines = []
    for member in read.members:
        pool = ScorePool.from_set(read, member=member, probability=True)
        cells = [member, f"{sum(map(sum, (q.correct for q in pool))) / sum(map(len, pool)):.3f}"]
        for wanted in WANTED:
            found = fit_calibration(pool, accuracy=wanted)
            if wanted == WANTED[0]:
                cells.insert(2, f"{found.auc:.3f}")
            told = "none"
            if found.held_out_accuracy is not None:
                told = f"{found.held_out_accuracy:.2f} ± {found.held_out_se:.2f}"
            cells.append(told + (", promised" if found.promised else ""))
        lines.append(cells)
    head = "prompt | right | area under the curve | " + " | ".join(f"bar for {w:g}" for w in WANTED)
    print(table(head, lines))


if __name__ == "__main__":
    main()
