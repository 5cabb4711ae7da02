"""The tiny members as LlamaIndex LLMs: for tests, examples and demonstrations.

They sample for real, in a few milliseconds, without network, key or download.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any, TypeVar

from bestofinf._extras import require

require("llama_index.core", extra="llamaindex", purpose="llamaindex_bestofinf.tiny")

from llama_index.core.base.llms.types import (  # noqa: E402
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    LogProb,
    MessageRole,
)
from llama_index.core.bridge.pydantic import Field  # noqa: E402
from llama_index.core.llms.callbacks import (  # noqa: E402
    llm_chat_callback,
    llm_completion_callback,
)
from llama_index.core.llms.llm import LLM  # noqa: E402

from bestofinf import tiny  # noqa: E402
from bestofinf.tiny.fields import Request, TinyFields  # noqa: E402


class TinyLLM(TinyFields, LLM):
    """A member of `bestofinf.tiny` as an LLM, in every endpoint.

    Every field but `model` may also be given with a call. ``raw`` is a mapping as from OpenAI's
    chat API, with the usage and all of `n` choices; the first is the response. The fields are
    those of `bestofinf.tiny.fields.TinyFields`.

    >>> from llamaindex_bestofinf.tiny import TinyLLM
    >>> TinyLLM(model="sum", seed=1).complete("What is 12 + 30 + 41?").text.splitlines()[-1]
    'The answer is 83.'
    """

    stop: list[str] | None = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        """Return the name used in serialized form."""
        return "TinyLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """Describe the model."""
        return LLMMetadata(
            context_window=tiny.CONTEXT,
            num_output=self.max_tokens or tiny.CONTEXT // 2,
            is_chat_model=True,
            is_function_calling_model=False,
            model_name=self.model,
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer the question of the last user message."""
        return self._chat(self._request(_question(messages), kwargs))

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer the question of a prompt."""
        return self._complete(self._request(tiny.find_question(prompt), kwargs))

    @llm_chat_callback()
    def stream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> Generator[ChatResponse, None, None]:
        """Stream the reply of `chat`."""
        return self._stream_chat(self._request(_question(messages), kwargs))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Generator[CompletionResponse, None, None]:
        """Stream the reply of `complete`."""
        return self._stream_complete(self._request(tiny.find_question(prompt), kwargs))

    # Requests are numbered before threads compete, so that a seed decides who gets which reply.

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer as `chat`, in a thread."""
        return await asyncio.to_thread(self._chat, self._request(_question(messages), kwargs))

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Answer as `complete`, in a thread."""
        request = self._request(tiny.find_question(prompt), kwargs)
        return await asyncio.to_thread(self._complete, request)

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> AsyncGenerator[ChatResponse, None]:
        """Stream as `stream_chat`, in threads."""
        return _in_threads(self._stream_chat(self._request(_question(messages), kwargs)))

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> AsyncGenerator[CompletionResponse, None]:
        """Stream as `stream_complete`, in threads."""
        request = self._request(tiny.find_question(prompt), kwargs)
        return _in_threads(self._stream_complete(request))

    def _complete(self, request: Request) -> CompletionResponse:
        completion = tiny.load(self.model).complete(
            request.question, request.options, first=request.first
        )
        choice = completion.choices[0]
        return CompletionResponse(
            text=choice.text,
            raw=_raw(completion),
            logprobs=_logprobs(choice.text, choice.logprobs) if request.logprobs else None,
            additional_kwargs=_usage(completion.prompt_tokens, completion.completion_tokens),
        )

    def _chat(self, request: Request) -> ChatResponse:
        return _as_chat(self._complete(request))

    def _stream_complete(self, request: Request) -> Generator[CompletionResponse, None, None]:
        text, total = "", 0
        model = tiny.load(self.model)
        for piece in model.stream(request.question, request.options, first=request.first):
            text, total = text + piece.text, total + piece.generated
            response = CompletionResponse(text=text, delta=piece.text)
            if request.logprobs:
                response.logprobs = _logprobs(piece.text, piece.logprobs)
            if piece.finish_reason is not None:
                read = tiny.count_prompt(request.question)
                response.additional_kwargs = _usage(read, total)
                response.raw = {
                    "model": self.model,
                    "choices": [{"index": 0, "finish_reason": piece.finish_reason}],
                    "usage": _usage(read, total),
                }
            yield response

    def _stream_chat(self, request: Request) -> Generator[ChatResponse, None, None]:
        for response in self._stream_complete(request):
            yield _as_chat(response)


T = TypeVar("T")
_DONE = object()


async def _in_threads(items: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Yield what a generator yields, each item computed in a thread."""
    while (item := await asyncio.to_thread(next, items, _DONE)) is not _DONE:
        yield item  # type: ignore[misc]


def _question(messages: Sequence[ChatMessage]) -> str:
    return tiny.question_of(
        [{"role": message.role.value, "content": message.content or ""} for message in messages]
    )


def _as_chat(response: CompletionResponse) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=response.text),
        raw=response.raw,
        delta=response.delta,
        logprobs=response.logprobs,
        additional_kwargs=response.additional_kwargs,
    )


def _usage(read: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _raw(completion: tiny.Completion) -> dict[str, Any]:
    return {
        "model": completion.model,
        "choices": [
            {
                "index": place,
                "message": {"role": "assistant", "content": choice.text},
                "finish_reason": choice.finish_reason,
            }
            for place, choice in enumerate(completion.choices)
        ],
        "usage": _usage(completion.prompt_tokens, completion.completion_tokens),
    }


def _logprobs(text: str, logprobs: tuple[float, ...]) -> list[list[LogProb]]:
    """Return one list a character, with its own log-probability alone."""
    return [
        [LogProb(token=token, logprob=value, bytes=list(token.encode()))]
        for token, value in zip(text, logprobs, strict=True)
    ]
