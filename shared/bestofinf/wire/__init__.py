"""OpenAI's chat-completion format in both directions: dictionaries to records, and back.

All functions are pure: no I/O, no framework, no clock. A client makes requests with `requests` and
reads responses with `replies` and `streams`; an endpoint reads requests with `requests` and answers
with `responses`. `errors` is for both.
"""

from bestofinf.wire.errors import (
    BadRequestError,
    EndpointError,
    ErrorResponse,
    LostReplyError,
    endpoint_error,
    error_response,
)
from bestofinf.wire.replies import Completion, TokenCounts, read_completion, top_logprobs
from bestofinf.wire.requests import (
    ChatQuestion,
    ChatRequest,
    chat_body,
    draw_body,
    question_text,
    read_request,
)
from bestofinf.wire.responses import chunks, completion
from bestofinf.wire.streams import DONE, HEARTBEAT, EventReader, StreamedCompletion, event

__all__ = [
    "DONE",
    "HEARTBEAT",
    "BadRequestError",
    "ChatQuestion",
    "ChatRequest",
    "Completion",
    "EndpointError",
    "ErrorResponse",
    "EventReader",
    "LostReplyError",
    "StreamedCompletion",
    "TokenCounts",
    "chat_body",
    "chunks",
    "completion",
    "draw_body",
    "endpoint_error",
    "error_response",
    "event",
    "question_text",
    "read_completion",
    "read_request",
    "top_logprobs",
]
