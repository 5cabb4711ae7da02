"""How often `fit_kappa` confirms probabilities: ``python -m benchmarks.kappa``.

On random choices of the recorded questions of a small real model (``tests/real/recorded``), once with
the recorded probabilities of the replies, and once with every reply given that of another one, which
says nothing. Errors are standard errors over the choices, which overlap where they are large.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import numpy as np

from benchmarks.common import Figures, connect_support, table
from bestofinf.calibration import fit_kappa
from bestofinf.evaluation import EvaluationSet
from bestofinf.evaluation.canonical import canonical

connect_support()

from support.real.mixing import mixed  # noqa: E402
from support.real.recorded import evaluation_set  # noqa: E402

SIZES = (24, 48, 96, 192)


def chosen(recorded: EvaluationSet, size: int, rng: np.random.Generator) -> EvaluationSet:
    """Return some of the questions."""
    places = rng.choice(len(recorded), size, replace=False)
    return EvaluationSet(tuple(recorded.questions[place] for place in sorted(places)))


def main(arguments: Sequence[str] | None = None) -> Figures:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="rougher figures")
    choices = 5 if parser.parse_args(arguments).quick else 60
    recorded = canonical(evaluation_set("raw"), "text")
    rows, figures = [], {}
    for size in SIZES:
        for name in ("recorded", "of other replies"):
            confirmed, gains = [], []
            for seed in range(choices):
                rng = np.random.default_rng(seed)
                some = chosen(recorded, size, rng)
                fit = fit_kappa(some if name == "recorded" else mixed(some, rng), seed=seed)
                confirmed.append(fit.confirmed)
                gains.append(fit.gain)
            share = float(np.mean(confirmed))
            figures[f"{size}, {name}"] = {"confirmed": share, "gain": float(np.mean(gains))}
            rows.append(
                [
                    f"{size}, {name}",
                    f"{share:.2f} ± {math.sqrt(share * (1 - share) / choices):.2f}",
                    f"{np.mean(gains):+.2f} ± {np.std(gains, ddof=1) / math.sqrt(choices):.2f}",
                ]
            )
    print(table("questions, probabilities | confirmed | gain in samples, held out", rows))
    return figures


if __name__ == "__main__":
    main()
