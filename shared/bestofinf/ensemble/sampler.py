"""Asks the members of one vote and turns their replies into samples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bestofinf.border import as_amount, as_count
from bestofinf.drivers.limits import MemberLimits
from bestofinf.drivers.wanted import arrived
from bestofinf.ensemble.client import Client, Flow, Step, arun, run
from bestofinf.ensemble.identical import Alike
from bestofinf.ensemble.sharing import Shared
from bestofinf.errors import shown
from bestofinf.records import Draw, Member, Reading, Reply, Sample, Usage
from bestofinf.scorers import Scorer
from bestofinf.scorers.checked import ascore_of_reply, score_of_reply, with_score


@dataclass(eq=False)
class Sampler:
    """Asks the members of one vote, as flows for `run` and `arun`.

    Attributes:
        client: The framework.
        question: The question for the members, in the framework's form.
        members: The members, in the engine's order.
        limits: Limits on the requests in flight.
        scorer: Scores replies; None for no scores.
        per_request: Number of samples that one request asks for, at least 1.
    """

    client: Client
    question: Any
    members: Sequence[Member[Any]]
    limits: MemberLimits
    scorer: Scorer | None = None
    per_request: int = 1

    def __post_init__(self) -> None:
        self._shared = Shared(self.per_request) if self.per_request > 1 else None
        self._alike = Alike([member.name for member in self.members])

    def draw(self, draw: Draw) -> Flow[Sample]:
        """Ask the draw's member once, and have its reply scored."""
        member, shared = self.members[draw.member], self._shared
        if shared is None:
            output, seconds = yield from self._asked(member, self.question, draw)
            sample = self._sample(member, output, seconds)
        else:
            sample = yield shared.step(
                draw.member,
                lambda: run(self._several(member, draw)),
                lambda: arun(self._several(member, draw)),
            )
        arrived.get()()  # scoring has time limits of its own
        self._alike.note(draw.member, sample)
        scorer, reply = self.scorer, sample.reply
        if scorer is None or reply is None:
            return sample
        prompt = self.client.text(self.question)
        score = yield Step(
            lambda: score_of_reply(scorer, prompt, reply),
            lambda: ascore_of_reply(scorer, prompt, reply),
        )
        return with_score(sample, score)

    def ask(self, member: Member[Any], question: Any = None) -> Flow[Sample]:
        """Ask a model once outside the vote, without the limits of the members and without a score.

        Args:
            member: The model, as a member.
            question: The question; None for that of the vote.
        """
        asked = self.question if question is None else question
        output, seconds = yield from self._asked(member, asked, None)
        return self._sample(member, output, seconds)

    def choose(self, member: Member[Any], prompt: str) -> Flow[Sample]:
        """Send a prompt to a model that chooses or compares replies."""
        return self.ask(member, self.client.choice(prompt))

    async def aclose(self) -> None:
        """Cancel the requests that are still in flight, and wait until they have ended."""
        if self._shared is not None:
            await self._shared.aclose()

    def _asked(
        self, member: Member[Any], question: Any, draw: Draw | None
    ) -> Flow[tuple[Any, float]]:
        """Send one request within the member's limit; return its output and its seconds."""
        client, release = self.client, None
        if draw is not None:
            place = draw.member
            release = yield Step(
                lambda: self.limits.acquire(place), lambda: self.limits.aacquire(place)
            )
        try:
            request = client.request(question, member, draw)
            start = time.monotonic()
            output = yield Step(
                lambda: client.send(member, request), lambda: client.asend(member, request)
            )
        except BaseException as error:
            if release is not None:
                release(error)
            raise
        if release is not None:
            release()
        return output, time.monotonic() - start

    def _several(self, member: Member[Any], draw: Draw) -> Flow[list[Sample]]:
        """Send a request that returns several samples. It counts as one call."""
        outputs, seconds = yield from self._asked(member, self.question, draw)
        samples = [self._sample(member, output, seconds, alone=False) for output in outputs]
        first, rest = samples[0], samples[1:]
        # Many servers report the tokens of all samples with the first, so the others have no calls.
        told = {"calls": 0} if first.usage.unmetered else {"calls": 0, "unmetered": 0}
        return [first, *(replace(s, usage=replace(s.usage, **told)) for s in rest)]

    def _sample(
        self, member: Member[Any], output: Any, seconds: float, *, alone: bool = True
    ) -> Sample:
        """Return one response as a sample.

        Numbers that a provider or a framework reports are checked here.

        Args:
            member: The member that gave it.
            output: The response.
            seconds: Seconds from the request to the response.
            alone: Whether the reported tokens are those of this reply alone.
        """
        found = self.client.read(member, output)
        tokens = as_count(found.output_tokens) or None
        return Sample(
            None,
            reply=_known(found.reply, member, tokens if alone else None),
            usage=_usage(member, found),
            tokens=tokens,
            seconds=seconds,
            note=_doubts(found),
        )


def _known(reply: Reply, member: Member[Any], tokens: int | None) -> Reply:
    """Return a reply with the kind of its log-probabilities, if it has some.

    The kind is the reader's if it has set one (log-probabilities without the reply's end), else the
    member's setting. If there are more tokens than log-probabilities, not counting the end, the
    model has generated hidden text, such as thoughts, and the kind is ``partial``.
    """
    told = reply.logprobs
    if not told:
        return reply
    kind: Any = reply.logprob_kind or member.logprobs
    if tokens is not None and tokens > len(told) + 1:
        kind = "partial"
    return reply if kind == reply.logprob_kind else replace(reply, logprob_kind=kind)


def _usage(member: Member[Any], found: Reading) -> Usage:
    """Return the cost of a reply: as reported, else by the member's price; nothing if cached."""
    if found.cached:
        return Usage()
    usage = member.charge(found.input_tokens, found.output_tokens)
    cost = as_amount(found.cost)
    if found.calls == 1 and cost is None and not found.unmetered:
        return usage
    return replace(
        usage,
        calls=found.calls,
        cost=usage.cost if cost is None else cost,
        unmetered=usage.unmetered + found.unmetered,
    )


def _doubts(found: Reading) -> str:
    """Return a note on reported numbers that cannot be right, such as negative ones, or no text."""
    doubts = [
        f"{what} unknown, told was {shown(value)}"
        for what, value, checked in (
            ("tokens read", found.input_tokens, as_count),
            ("tokens generated", found.output_tokens, as_count),
            ("cost", found.cost, as_amount),
        )
        if value is not None and checked(value) is None
    ]
    return "; ".join(doubts)
