"""The tiny members as LlamaIndex LLMs: for tests, examples and demonstrations.

They sample for real, in a few milliseconds, without network, key or download.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass
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
from llama_index.core.bridge.pydantic import Field, PrivateAttr  # noqa: E402
from llama_index.core.llms.callbacks import (  # noqa: E402
    llm_chat_callback,
    llm_completion_callback,
)
from llama_index.core.llms.llm import LLM  # noqa: E402

from bestofinf import tiny  # noqa: E402
from bestofinf.errors import UsageError  # noqa: E402

_CALL_OPTIONS = {"n", "temperature", "max_tokens", "seed", "logprobs", "stop"}


@dataclass(frozen=True, slots=True)
class _Request:
    question: str
    options: tiny.Options
    first: int
    logprobs: bool


class TinyLLM(LLM):
    """A member of `bestofinf.tiny` as an LLM, in every endpoint.

    Every field but `model` may also be given with a call. Tokens are characters; ``raw`` is a
    mapping as from OpenAI's chat API, with the usage and all of `n` choices.

    Args:
        model: One of `bestofinf.tiny.MEMBERS`.
        temperature: At least 0; 0 takes the most probable character.
        max_tokens: Most characters of a reply; None for as many as fit.
        stop: Texts that end a reply.
        n: Replies to a request; the first is the response, all are in ``raw``.
        logprobs: Puts the log-probability of each character into the response.
        seed: Each request to this object gives a new reply, but the k-th one to a question is
            always the same. Given with a call, the reply to the question is always the same.
            None samples anew each time.

    >>> from llamaindex_bestofinf.tiny import TinyLLM
    >>> TinyLLM(model="sum", seed=1).complete("What is 12 + 30 + 41?").text.splitlines()[-1]
    'The answer is 83.'
    """

    model: str = "sum"
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] = Field(default_factory=list)
    n: int = Field(default=1, ge=1)
    logprobs: bool = False
    seed: int | None = None

    _asked: tiny.SampleCounter = PrivateAttr(default_factory=tiny.SampleCounter)

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

    def _request(self, question: str, kwargs: dict[str, Any]) -> _Request:
        unknown = kwargs.keys() - _CALL_OPTIONS
        if unknown:
            raise UsageError(
                f"TinyLLM takes {', '.join(sorted(_CALL_OPTIONS))} with a call, "
                f"got {', '.join(sorted(unknown))}"
            )
        options = tiny.Options(
            n=kwargs.get("n", self.n),
            temperature=kwargs.get("temperature", self.temperature),
            max_tokens=kwargs.get("max_tokens", self.max_tokens),
            stop=tuple(kwargs.get("stop", self.stop) or ()),
            seed=kwargs.get("seed", self.seed),
        )
        numbered = self.seed is not None and "seed" not in kwargs
        first = self._asked.take(question, options.n) if numbered else 0
        return _Request(question, options, first, bool(kwargs.get("logprobs", self.logprobs)))

    def _complete(self, request: _Request) -> CompletionResponse:
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

    def _chat(self, request: _Request) -> ChatResponse:
        return _as_chat(self._complete(request))

    def _stream_complete(self, request: _Request) -> Generator[CompletionResponse, None, None]:
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

    def _stream_chat(self, request: _Request) -> Generator[ChatResponse, None, None]:
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
