"""What becomes of the wordings of short answers: ``python -m benchmarks.wordings FILE``.

FILE has a question a line, as ``{"question": ..., "replies": [[text, class], ...], "kind": ...}``:
replies of one class say the same, and class ``R`` is the right answer; ``schema`` names questions
made from one pattern. Every reply is read by `auto`, with the question (``for_question``) and
without. Told are the pairs of one class that are one vote, the pairs of two classes that are, and
what votes cost and elect: a reply is right with the share given, its wording is any of its class
with equal chance, the wrong answers are any other classes. Errors are standard errors over schemas.
``--hard`` gives every wrong answer one wording.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

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
    ) -> tuple[int, bool]:
        """Return the samples of one vote, and whether it elects the right answer."""
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
                    return tally.n_samples, source.choices(names, shares[: len(names)])[0] == "R"
                continue
            says.setdefault(vote, name)
            tally.vote(vote)
            if rule.check(tally) is not None:
                break
        return tally.n_samples, says.get(tally.leader) == "R"


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
        source = random.Random(1)
        by_schema: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for case in cases:
            if len(case.votes) > 1:
                by_schema[case.schema] += [
                    case.voted(shares, source, hard=hard) for _ in range(votes)
                ]
        name = "/".join(f"{share:g}".lstrip("0") for share in shares)
        figures[name] = [_mean(by_schema, 0), _mean(by_schema, 1)]
    return figures


def _mean(by_schema: dict[str, list[tuple[int, bool]]], place: int) -> tuple[float, float]:
    """Return the mean over votes, and its standard error over schemas."""
    means = [statistics.fmean(vote[place] for vote in votes) for votes in by_schema.values()]
    sizes = [len(votes) for votes in by_schema.values()]
    total = sum(sizes)
    mean = sum(m * n for m, n in zip(means, sizes, strict=True)) / max(total, 1)
    spread = sum((n * (m - mean)) ** 2 for m, n in zip(means, sizes, strict=True)) ** 0.5
    return mean, spread / max(total, 1)


def report(rows: Iterable[tuple[str, Figures]]) -> str:
    head = "what | n | pairs found | wrong per 1,000 | " + " | ".join(
        "/".join(f"{s:g}".lstrip("0") for s in shares) + ": samples, right" for shares in SHARES
    )
    lines = []
    for name, found in rows:
        votes = []
        for shares in SHARES:
            (n, dn), (r, dr) = found["/".join(f"{s:g}".lstrip("0") for s in shares)]
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wordings", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--votes", type=int, default=6, help="votes for each question")
    parser.add_argument("--hard", action="store_true", help="one wording for a wrong answer")
    parser.add_argument("--kinds", action="store_true", help="every kind of answer by itself too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    settings = parser.parse_args(arguments)
    answer = AutoAnswer()
    read_as = {
        name: read(settings.file, answer, bound=name == "by the question")
        for name in ("by its words", "by the question")
    }
    rows = []
    kinds = sorted({case.kind for case in read_as["by its words"]}) if settings.kinds else []
    for kind in ["", *kinds]:
        for name, cases in read_as.items():
            chosen = [case for case in cases if kind in ("", case.kind)]
            found = measured(chosen, votes=settings.votes, hard=settings.hard)
            rows.append((f"{kind or 'all'}, {name}", found))
    print(report(rows))
    spent = dict(rows)["all, by the question"]["ms_a_reply"]
    print(f"\n{spent:.3f} ms a reply, by the question")
    if settings.json is not None:
        settings.json.write_text(json.dumps(dict(rows), indent=1))


if __name__ == "__main__":
    main()
