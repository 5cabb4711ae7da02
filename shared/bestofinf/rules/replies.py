"""Rules that read the probabilities of whole replies, and the answers that they can be used with."""

from __future__ import annotations

from bestofinf.errors import UsageError
from bestofinf.rules.base import StopRule


def need_whole_replies(rule: StopRule, *, whole: bool, answer: str) -> None:
    """Refuse a rule for which the probability of a reply must be that of its answer.

    Args:
        rule: A rule, perhaps of several parts.
        whole: Whether the whole reply is the answer (`Answer.whole`).
        answer: What reads the replies, for the message.

    Raises:
        UsageError: If the rule reads probabilities, and an answer is only part of its reply.
    """
    if whole or not rule.reads_replies:
        return
    named = next(part.name for part in rule.parts() if part.reads_replies)
    raise UsageError(
        f"rule {named!r} takes the probability of a reply for that of its answer, and with "
        f"{answer} an answer may stand behind reasoning: give an answer type "
        "whose replies are the answer (text, choice, json, tool-calls), or another rule"
    )
