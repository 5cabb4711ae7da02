"""Members without a framework: objects that take the body of a chat completion."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from bestofinf.records import Draw, Member, Reading
from bestofinf.wire import ChatQuestion, Completion, chat_body, question_text
from bestofinf.wire.requests import draw_seed
from bestofinf.wire.values import Json


@runtime_checkable
class ChatModel(Protocol):
    """A model that takes the body of a chat completion in OpenAI's form."""

    @property
    def model(self) -> str:
        """Name of the model."""

    def send(self, body: Json) -> Reading:
        """Ask the model once and wait for its reply."""

    async def asend(self, body: Json) -> Reading:
        """Do the same in the running event loop."""


class ChatClient:
    """The `Client` of ensembles whose members are `ChatModel` objects.

    Questions are texts, messages in OpenAI's form, or whole bodies with tools and other fields.

    Args:
        seed: Seed of every request of a vote, plus the number of earlier draws of the same member
            for the question (`Draw.turn`). None uses the question's own seed, if there is one,
            plus the number of the draw, because with equal seeds all samples would be equal.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self._seed = seed

    def request(self, question: ChatQuestion, member: Member[Any], draw: Draw | None) -> Json:
        """Return the body for one member."""
        body = chat_body(question, system=member.system) | member.options
        if draw is not None:
            own = body.get("seed")
            if self._seed is not None:
                body["seed"] = self._seed + draw.turn
            elif isinstance(own, int) and not isinstance(own, bool):
                body["seed"] = draw_seed(own, draw.index)
        return body

    def send(self, member: Member[ChatModel], request: Json) -> Reading:
        """Ask a member once."""
        return member.model.send(request)

    async def asend(self, member: Member[ChatModel], request: Json) -> Reading:
        """Ask a member once in the running event loop."""
        return await member.model.asend(request)

    def read(self, member: Member[Any], output: Reading) -> Reading:
        """Return the output of the member, which is a reading already."""
        return output

    def choice(self, prompt: str) -> Json:
        """Return a text as a question, with which a model chooses among replies or judges them."""
        return chat_body(prompt)

    def text(self, question: ChatQuestion) -> str:
        """Return a question as text."""
        return question_text(chat_body(question))


def reading(completion: Completion) -> Reading:
    """Return the first choice of a completion, with the tokens of the request."""
    tokens = completion.tokens
    return Reading(completion.replies[0], tokens.input, tokens.output)
