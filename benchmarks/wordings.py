"""What becomes of the wordings of short answers: ``python -m benchmarks.wordings FILE``.

FILE has a question a line, as ``{"question": ..., "replies": [[text, class], ...], "kind": ...}``:
replies of one class say the same, and class ``R`` is the right answer; ``schema`` names questions
made from one pattern. Every reply is read by `auto`, with the question (``for_question``) and
without. Told are the pairs of one class that are one vote, the pairs of two classes that are, and
what votes cost and elect: a reply is right with the share given, its wording is any of its class
with equal chance, the wrong answers are any other classes. Errors are standard errors over schemas:
of one schema there is none. ``--hard`` gives every wrong answer one wording. ``--kinds`` sets votes by
the question beside votes by the words for every kind of answer, and names the kinds for which the
question is worse by more than two standard errors.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.common import Figures, table
from bestofinf.answers import AnswerClasses, AutoAnswer
from bestofinf.answers.base import Answer
from bestofinf.records import AnswerValue, Reply
from bestofinf.rules import OptimalStopping
from bestofinf.rules.tally import Tally

SHARES = ((0.67, 0.33), (0.5, 0.3, 0.2), (0.9, 0.1))
MOST = 64
ABSTENTIONS = 3


@dataclass(frozen=True)
class Case:
    """One question: what each of its replies votes for.

    Attributes:
        kind: Of its answer.
        schema: The pattern that it was made from.
        votes: By class: the votes of its wordings; None abstains.
        seconds: Spent on reading, a reply.
    """

    kind: str
    schema: str
    votes: dict[str, list[AnswerValue | None]]
    seconds: float

    @property
    def pairs(self) -> tuple[int, int, int, int]:
        """Pairs of one class, those that are one vote; pairs of two classes, and those that are."""
        flat = [(name, vote) for name, votes in self.votes.items() for vote in votes]
        same = found = other = wrong = 0
        for (name, vote), (name2, vote2) in combinations(flat, 2):
            merged = vote is not None and vote == vote2
            if name == name2:
                same, found = same + 1, found + merged
            else:
                other, wrong = other + 1, wrong + merged
        return same, found, other, wrong

    def voted(
        self, shares: Sequence[float], source: random.Random, *, hard: bool
    ) -> tuple[int, int]:
        """Return the samples of one vote, and 1 if it elects the right answer, else 0."""
        others = sorted(self.votes.keys() - {"R"})
        wrong = source.sample(others, min(len(shares) - 1, len(others)))
        classes = {"R": self.votes["R"]} | {name: self.votes[name] for name in wrong}
        if hard:
            classes |= {name: [source.choice(self.votes[name])] for name in wrong}
        names = list(classes)
        rule, tally = OptimalStopping.balanced(), Tally()
        says: dict[AnswerValue, str] = {}
        abstained = 0
        while tally.n_samples < MOST:
            (name,) = source.choices(names, shares[: len(names)])
            vote = source.choice(classes[name])
            if vote is None:
                tally.abstain()
                abstained += 1
                if not tally.n_votes and abstained >= ABSTENTIONS:
                    (given,) = source.choices(names, shares[: len(names)])
                    return tally.n_samples, int(given == "R")
                continue
            says.setdefault(vote, name)
            tally.vote(vote)
            if rule.check(tally) is not None:
                break
        return tally.n_samples, int(says.get(tally.leader) == "R")


def read(path: Path, answer: AutoAnswer, *, bound: bool) -> list[Case]:
    """Return the cases of a file, read with their questions or without."""
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row: dict[str, Any] = json.loads(line)
        kind: Answer = answer.for_question(row["question"]) if bound else answer
        classes = AnswerClasses(kind)
        votes: dict[str, list[AnswerValue | None]] = defaultdict(list)
        began = time.process_time()
        values = [kind.vote(Reply(text=text))[0] for text, _ in row["replies"]]
        seconds = (time.process_time() - began) / len(values)
        for (_, name), value in zip(row["replies"], values, strict=True):
            votes[name].append(None if value is None else classes.place(value))
        schema = str(row.get("schema", row["question"]))
        cases.append(Case(row["kind"], schema, dict(votes), seconds))
    return cases


def measured(cases: Sequence[Case], *, votes: int, hard: bool) -> Figures:
    """Return what was found among pairs, and what votes cost and elect."""
    same, found, other, wrong = (sum(case.pairs[i] for case in cases) for i in range(4))
    figures: Figures = {
        "questions": len(cases),
        "found": found / max(same, 1),
        "wrong_per_1000": 1000 * wrong / max(other, 1),
        "ms_a_reply": 1000 * statistics.fmean(case.seconds for case in cases),
    }
    for shares in SHARES:
        outcomes = _outcomes(cases, shares, votes=votes, hard=hard)
        figures[_name(shares)] = [_mean(outcomes, 0), _mean(outcomes, 1)]
    return figures


def compared(before: Sequence[Case], after: Sequence[Case], *, votes: int, hard: bool) -> Figures:
    """Return what votes cost and elect, read one way and the other, and the differences.

    Args:
        before: Questions as they were read.
        after: The same questions, in the same order, as they are read now.
        votes: For each question.
        hard: Whether a wrong answer has one wording.
    """
    figures: Figures = {
        "questions": len(after),
        "schemas": len({case.schema for case in after}),
    }
    for shares in SHARES:
        old, new = (_outcomes(cases, shares, votes=votes, hard=hard) for cases in (before, after))
        changes = {
            schema: [
                (n - n0, right - right0)
                for (n0, right0), (n, right) in zip(old[schema], new[schema], strict=True)
            ]
            for schema in old
        }
        figures[_name(shares)] = {
            name: [_mean(old, place)[0], _mean(new, place)[0], *_mean(changes, place)]
            for place, name in enumerate(("samples", "right"))
        }
    return figures


Outcomes: TypeAlias = dict[str, list[tuple[int, int]]]
"""By schema, of each vote: its samples, and 1 if it elected the right answer."""


def _outcomes(
    cases: Sequence[Case], shares: Sequence[float], *, votes: int, hard: bool
) -> Outcomes:
    source = random.Random(1)
    found: Outcomes = defaultdict(list)
    for case in cases:
        if len(case.votes) > 1:
            found[case.schema] += [case.voted(shares, source, hard=hard) for _ in range(votes)]
    return found


def _name(shares: Sequence[float]) -> str:
    return "/".join(f"{share:g}".lstrip("0") for share in shares)


def _mean(outcomes: Outcomes, place: int) -> tuple[float, float]:
    """Return the mean over votes, and its standard error over schemas; nan for a single one."""
    means = [statistics.fmean(vote[place] for vote in votes) for votes in outcomes.values()]
    sizes = [len(votes) for votes in outcomes.values()]
    total = sum(sizes)
    mean = sum(m * n for m, n in zip(means, sizes, strict=True)) / max(total, 1)
    if len(means) < 2:
        return mean, math.nan
    spread = sum((n * (m - mean)) ** 2 for m, n in zip(means, sizes, strict=True))
    return mean, (spread * len(means) / (len(means) - 1)) ** 0.5 / total


def report(rows: Iterable[tuple[str, Figures]]) -> str:
    head = "what | n | pairs found | wrong per 1,000 | " + " | ".join(
        f"{_name(shares)}: samples, right" for shares in SHARES
    )
    lines = []
    for name, found in rows:
        votes = []
        for shares in SHARES:
            (n, dn), (r, dr) = found[_name(shares)]
            votes.append(f"{n:.1f} ± {dn:.1f}, {r:.3f} ± {dr:.3f}")
        lines.append(
            [
                name,
                str(found["questions"]),
                f"{found['found']:.1%}",
                f"{found['wrong_per_1000']:.2f}",
                *votes,
            ]
        )
    return table(head, lines)


def report_kinds(rows: Mapping[str, Figures]) -> str:
    """Return a table of kinds, and below it those that became worse."""
    head = "kind | questions (schemas) | " + " | ".join(
        f"{_name(shares)}: samples | right | change" for shares in SHARES
    )
    lines, worse, unknown = [], [], []
    for kind, found in rows.items():
        line = [kind, f"{found['questions']} ({found['schemas']})"]
        for name in map(_name, SHARES):
            n0, n, more, more_se = found[name]["samples"]
            right0, right, gain, gain_se = found[name]["right"]
            error = "" if math.isnan(gain_se) else f" ± {gain_se:.3f}"
            line += [f"{n0:.1f} → {n:.1f}", f"{right0:.3f} → {right:.3f}", f"{gain:+.3f}{error}"]
            if gain < -2 * gain_se:
                worse.append(f"{kind} is less often right at {name}")
            if more > 2 * more_se:
                worse.append(f"{kind} takes more samples at {name}")
            if math.isnan(gain_se) and (gain < 0 or more > 0):
                unknown.append(f"{kind} at {name}")
        lines.append(line)
    return (
        f"{table(head, lines)}\n\nWorse by more than two standard errors: "
        f"{'; '.join(worse) or 'none'}\nWorse, of one schema, so that there is no error: "
        f"{'; '.join(unknown) or 'none'}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wordings", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--votes", type=int, default=6, help="votes for each question")
    parser.add_argument("--hard", action="store_true", help="one wording for a wrong answer")
    parser.add_argument(
        "--kinds", action="store_true", help="compare for every kind of answer, too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    settings = parser.parse_args(arguments)
    answer = AutoAnswer()
    read_as = {
        name: read(settings.file, answer, bound=name == "by the question")
        for name in ("by its words", "by the question")
    }
    how: dict[str, Any] = {"votes": settings.votes, "hard": settings.hard}
    rows = {f"all, {name}": measured(cases, **how) for name, cases in read_as.items()}
    print(report(rows.items()))
    print(f"\n{rows['all, by the question']['ms_a_reply']:.3f} ms a reply, by the question")
    if settings.kinds:
        by_kind = {
            kind: compared(
                *([case for case in cases if case.kind == kind] for cases in read_as.values()),
                **how,
            )
            for kind in sorted({case.kind for case in read_as["by its words"]})
        }
        print(f"\n{report_kinds(by_kind)}")
        rows |= by_kind
    if settings.json is not None:
        settings.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
