"""The tiny members behind the loopback server: clients talk to models that really sample."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bestofinf import tiny
from bestofinf.errors import UsageError
from support.backends import unknown_model
from support.reply import Served
from support.request import ChatRequest, RefusedRequest


class TinyBackend:
    """Samples each request anew, in a thread, unless the request has a seed.

    Args:
        models: Members on offer.
    """

    def __init__(self, models: Sequence[str] = tiny.MEMBERS) -> None:
        self.models = tuple(models)

    async def reply(self, request: ChatRequest) -> Sequence[Served]:
        if request.model not in self.models:
            raise unknown_model(request.model)
        try:
            question = tiny.question_of(request.messages)
            options = tiny.Options(
                n=request.n,
                temperature=1.0 if request.temperature is None else request.temperature,
                max_tokens=request.max_tokens,
                stop=tuple(request.stop),
                seed=request.seed,
            )
        except UsageError as error:
            raise RefusedRequest(str(error)) from error
        completion = await asyncio.to_thread(tiny.load(request.model).complete, question, options)
        return [
            Served(
                choice.text,
                tokens=choice.generated,
                finish_reason=choice.finish_reason,
                pieces=tuple(choice.text),
                logprobs=choice.logprobs,
                question=question,
                answer=tiny.answer_of(choice.text),
            )
            for choice in completion.choices
        ]
