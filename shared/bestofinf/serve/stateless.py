"""``POST /v1/responses`` without stored state: items become messages of a chat completion and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bestofinf.serve.asked import Asked
from bestofinf.serve.completions import Completions, read_json
from bestofinf.serve.exchange import Form, Receive, Scope
from bestofinf.wire.items import (
    chat_of_response,
    response_events,
    response_failed,
    response_of_chat,
)
from bestofinf.wire.values import Json, mapping


class Responses(Completions):
    """Answers requests in the form of the Responses API. No state is kept between requests."""

    async def read(self, scope: Scope, receive: Receive) -> tuple[Asked, Form]:
        """Return a request that passed the checks, as the chat completion that it asks for."""
        body = await read_json(scope, receive, self._serving)
        asked = self.read_chat(scope, chat_of_response(body))
        question = asked.question_id or mapping(body.get("metadata")).get("question")
        asked = replace(
            asked,
            call_id="resp_" + asked.call_id.rpartition("-")[2],
            question_id=question if isinstance(question, str) and question else None,
        )
        return asked, ResponseForm(asked.call_id, body)


@dataclass(frozen=True)
class ResponseForm:
    """A completion as a response.

    Attributes:
        id: Of the response.
        asked: The request.
    """

    id: str
    asked: Mapping[str, Any]

    def whole(self, body: Json) -> Json:
        """Return it as one body."""
        return response_of_chat(body, self.asked)

    def events(self, body: Json) -> Iterator[bytes]:
        """Yield the events of its stream."""
        return response_events(self.whole(body))

    def failed(self, error: Json) -> bytes:
        """Return the events that end a stream by an error."""
        return response_failed(error, self.id)
