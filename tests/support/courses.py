"""All courses that the next votes of a tally can take."""

from collections.abc import Sequence

from bestofinf.rules import StopRule
from bestofinf.rules.tally import Tally


def fewest_by_trial(rule: StopRule, tally: Tally, ahead: Sequence[int]) -> int:
    """Return the fewest further votes after which the rule fires on some course of them."""
    layer = [tally]
    for votes, member in enumerate(ahead, 1):
        following = []
        for state in layer:
            for answer in [*list(state.counts)[:3], f"new {votes}"]:
                for tokens in (1, 10**9, None):
                    probe = state.copy()
                    probe.vote(answer, member=member, tokens=tokens)
                    following.append(probe)
            probe = state.copy()
            probe.abstain()
            following.append(probe)
        if any(rule.check(probe) for probe in following):
            return votes
        layer = following
    return len(ahead) + 1
