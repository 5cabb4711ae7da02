"""Which questions to label first: those whose vote is most contested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bestofinf.answers.base import Answer
from bestofinf.evaluation.equivalence import representatives


@dataclass(frozen=True, slots=True)
class Contested:
    """A question without a label.

    Attributes:
        id: The question.
        prompt: Its prompt, where kept.
        votes: Votes per answer, most first.
        lead: Probability that the leader is truly ahead of the runner-up, in [0.5, 1]; 0.5 is
            most contested.
    """

    id: str
    prompt: str | None
    votes: Mapping[str, int]
    lead: float


def contested_first(
    questions: Sequence[tuple[str, str | None]],
    counts: Mapping[str, Mapping[str, int]],
    *,
    answer: Answer | None = None,
) -> list[Contested]:
    """Return the questions in the order in which labels teach most.

    Args:
        questions: Id and prompt of each.
        counts: Votes per question and answer; a question without votes may be absent.
        answer: The answer type, to take equivalent answers as one.

    Returns:
        The least certain lead first, at the same certainty the question with more votes first;
        questions without a vote stand last, as no weight can change what they return.
    """
    found = [
        _contested(id_, prompt, counts.get(id_, {}), answer=answer) for id_, prompt in questions
    ]
    return sorted(found, key=lambda c: (not c.votes, c.lead, -sum(c.votes.values())))


def _contested(
    id_: str, prompt: str | None, counts: Mapping[str, int], *, answer: Answer | None
) -> Contested:
    names = representatives(sorted(counts, key=lambda vote: (-counts[vote], vote)), answer)
    votes: dict[str, int] = {}
    for vote, count in counts.items():
        name = names[vote]
        if name is not None:
            votes[name] = votes.get(name, 0) + count
    votes = dict(sorted(votes.items(), key=lambda item: (-item[1], item[0])))
    return Contested(id_, prompt, votes, lead_probability(*[*votes.values(), 0, 0][:2]))


def lead_probability(first: int, second: int) -> float:
    """Return P(p > 1/2) for p ~ Beta(first + 1, second + 1): a uniform prior on two answers.

    >>> lead_probability(3, 0)
    0.9375
    """
    from scipy.special import betainc  # not needed by those who only write

    return float(1 - betainc(first + 1, second + 1, 0.5))
