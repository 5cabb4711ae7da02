"""Votes on the rows of queries: how often they are right, and after how many samples.

Made questions: a reply is right 55 times in 100, else it returns one of k other results. Every query is
spelt in its own way, so a vote on text is a vote of one reply each.
"""

from __future__ import annotations

import random
import sys

from bestofinf import Member, Reply, Sample, VotePlan

QUESTIONS = 2_000
RIGHT = 0.55


def measured(rule: str, others: int, *, on_rows: bool) -> tuple[float, float]:
    """Return the share of right votes and the mean number of samples."""
    chance = random.Random(others)
    right = samples = 0
    for question in range(QUESTIONS):
        plan = VotePlan.make(
            [Member(None, name="m")], rule=rule, waiting=0, concurrency=1, seed=question
        )
        engine = plan.engine()
        result_of: dict[object, int] = {}
        while not engine.done:
            for draw in engine.ask(1):
                result = -1 if chance.random() < RIGHT else chance.randrange(others)
                vote = result if on_rows else draw.index
                result_of[vote] = result
                engine.tell(draw, Sample(vote, Reply("a query"), tokens=30))
        decision = engine.decision()
        right += result_of[decision.answer] == -1
        samples += decision.n_samples
    return right / QUESTIONS, samples / QUESTIONS


def main() -> None:
    """Print a line for each rule and number of other results."""
    for on_rows, rules in ((True, ("fast", "balanced")), (False, ("fast",))):
        for rule in rules:
            for others in (3, 6, 12):
                right, samples = measured(rule, others, on_rows=on_rows)
                kind = "rows" if on_rows else "text"
                sys.stdout.write(
                    f"{kind} {rule:8} {others:2} other results: right {right:.3f} samples {samples:.1f}\n"
                )


if __name__ == "__main__":
    main()
