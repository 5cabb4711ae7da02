"""Make every data file of `bestofinf.tiny`, or compare what is shipped with what this makes.

`python -m training make` takes about half an hour on one core and writes into the package; with
`--to FOLDER` elsewhere. Finished networks are kept in the folder of `--work` and not trained
again. `python -m training check` makes everything afresh and compares. `python -m training
measure` prints what the shipped members and the verifier are worth.

All but `measure` need torch, 2.9 or newer; the shipped files were made with 2.13.0.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from training.compare import compare
from training.measure import measure

PACKAGE_DATA = Path(__file__).parents[1] / "shared" / "bestofinf" / "tiny" / "data"


def main() -> int:
    """Run the command line; the exit status of `check` is 1 where files differ."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("command", choices=("make", "check", "measure"))
    parser.add_argument("--to", type=Path, default=PACKAGE_DATA, help="folder to write to")
    parser.add_argument("--work", type=Path, help="folder that keeps finished networks")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    if options.command == "measure":
        sys.stdout.write(measure())
        return 0
    import torch

    from training.pipeline import make

    # One thread: the order of additions, and with it the result, is then the same every time.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with tempfile.TemporaryDirectory() as scratch:
        if options.command == "make":
            make(options.to, options.work or Path(scratch))
            return 0
        made = Path(scratch) / "made"
        make(made, options.work or Path(scratch))
        report = compare(options.to, made)
    sys.stdout.write(report.text)
    return 0 if report.same else 1


if __name__ == "__main__":
    sys.exit(main())
