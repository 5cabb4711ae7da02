"""Check that a rule on the probabilities of whole replies suits the answer type."""

from __future__ import annotations

from bestofinf.errors import UsageError
from bestofinf.rules.base import StopRule


def need_whole_replies(rule: StopRule, *, whole: bool, answer: str) -> None:
    """Refuse a rule that needs the probability of an answer if the reply's is another.

    Args:
        rule: A rule, single or joined.
        whole: Whether the whole reply is the answer (`Answer.whole`).
        answer: Description of the answer type, for the message.

    Raises:
        UsageError: If the rule uses probabilities and an answer is only a part of its reply.
    """
    if whole or not rule.reads_replies:
        return
    named = next(part.name for part in rule.parts() if part.reads_replies)
    raise UsageError(
        f"rule {named!r} takes the probability of a reply for that of its answer, and with "
        f"{answer} an answer may stand behind reasoning: give an answer type "
        "whose replies are the answer (text, choice, json, tool-calls), or another rule"
    )
