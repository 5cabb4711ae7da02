"""Vote on recorded answers one by one, with the confidence of each decision."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bestofinf.evaluation import EvaluationSet
from bestofinf.replay.books import graded
from bestofinf.replay.populations import Bools, Floats
from bestofinf.replay.run import ReplayPlan, drawn, populations_of, resampler_of
from bestofinf.replay.timing import engine_of, enter_decision, outcome_of
from bestofinf.replay.votes import SPENT, Votes
from bestofinf.rules import StopRule, parse_rule
from bestofinf.rules.budgets import MaxSamples
from bestofinf.voting.confidence import share_of


@dataclass(frozen=True)
class Decisions:
    """The decisions of votes on recorded answers, as columns with one entry per vote.

    Attributes:
        questions: Id of the question.
        confidences: Confidence of the decision, as in a live vote.
        shares: Share of the samples that voted for the winner; see `share_of`.
        samples: Number of samples counted.
        settled: Whether the rule ended the vote before the recorded samples ran out.
        right: 1 if the winner is right, 0 if not, between if only the lot chose it; NaN if unknown.
        agreement: The same for agreement with what all recorded samples elect.
    """

    questions: tuple[str, ...]
    confidences: Floats
    shares: Floats
    samples: Floats
    settled: Bools
    right: Floats
    agreement: Floats

    def __len__(self) -> int:
        return len(self.questions)


def decisions(
    evaluation_set: EvaluationSet,
    rule: StopRule | str,
    plan: ReplayPlan | None = None,
    **changes: object,
) -> Decisions:
    """Vote on recorded answers with the engine of a live vote, and return every decision.

    Args:
        evaluation_set: Recorded answers.
        rule: A rule, or its text.
        plan: Settings of the replay; see `replay`.
        changes: Single settings of the plan by keyword.

    Raises:
        UsageError: If a setting is wrong or there is nothing to vote on.
    """
    plan = replace(plan or ReplayPlan(), **changes)  # type: ignore[arg-type]
    parsed = parse_rule(rule) if isinstance(rule, str) else rule
    populations = populations_of(evaluation_set.fixed().ordered, plan)
    resampler = resampler_of(populations, plan)
    size = len(populations) * plan.trials
    columns = {name: np.full(size, np.nan) for name in ("confidence", "share", "samples")}
    columns |= {name: np.full(size, np.nan) for name in ("accuracy", "agreement", "reason")}
    spent = 0
    for places, chunk, draws, usual in drawn(populations, plan):
        votes = Votes.open(parsed, draws.lengths)
        spent = votes.names.index(SPENT)
        found = {name: np.zeros(len(draws.lengths)) for name in ("confidence", "share")}
        for row in range(len(draws.lengths)):
            place, trial = divmod(row, plan.trials)
            engine = engine_of(
                parsed | MaxSamples(int(draws.lengths[row])),
                chunk[place],
                resampler,
                trial,
                usual=None if usual is None else usual[place],
                abstain_limit=plan.abstain_limit,
                launch="eager",  # the draws below are made one at a time, so nothing needs to be computed ahead
            )
            while not engine.done:
                for draw in engine.ask():
                    engine.tell(draw, outcome_of(chunk[place], draws, row, draw))
            decision = enter_decision(engine, parsed, votes, row)
            found["confidence"][row] = decision.confidence
            found["share"][row] = share_of(decision)
        rows = np.concatenate([np.arange(p * plan.trials, (p + 1) * plan.trials) for p in places])
        found |= {"samples": votes.samples.astype(float), "reason": votes.reasons.astype(float)}
        shape = (len(chunk), plan.trials)
        found |= {name: values.ravel() for name, values in graded(votes, chunk, shape).items()}
        for name, values in found.items():
            columns[name][rows] = values
    return Decisions(
        questions=tuple(p.question for p in populations for _ in range(plan.trials)),
        confidences=columns["confidence"],
        shares=columns["share"],
        samples=columns["samples"],
        settled=columns["reason"] != spent,
        right=columns["accuracy"],
        agreement=columns["agreement"],
    )
