"""The tiny members as LangChain chat models: for tests, examples and demonstrations.

They sample for real, in a few milliseconds, without network, key or download.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bestofinf._extras import require

require("langchain_core", extra="langchain", purpose="langchain_bestofinf.tiny")

from langchain_core.callbacks import (  # noqa: E402
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel  # noqa: E402
from langchain_core.messages import (  # noqa: E402
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata  # noqa: E402
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult  # noqa: E402
from langchain_core.runnables.config import run_in_executor  # noqa: E402
from pydantic import Field, PrivateAttr  # noqa: E402

from bestofinf import tiny  # noqa: E402
from bestofinf.errors import UsageError  # noqa: E402

_CALL_OPTIONS = {"n", "temperature", "max_tokens", "seed", "logprobs"}


class TinyChat(BaseChatModel):
    """A member of `bestofinf.tiny` as a chat model.

    Every field but `model` and `output_version` may also be given with a call, by ``bind`` or as
    a keyword of ``invoke``. Tokens are characters.

    Args:
        model: One of `bestofinf.tiny.MEMBERS`.
        temperature: At least 0; 0 takes the most probable character.
        max_tokens: Most characters of a reply; None for as many as fit.
        stop: Texts that end a reply.
        n: Replies to a request; all of them are in the result of ``generate``.
        logprobs: Puts the log-probability of each character into ``response_metadata``.
        seed: Each request to this object gives a new reply, but the k-th one to a question is
            always the same. Given with a call, the reply to the question is always the same.
            None samples anew each time.

    >>> from langchain_bestofinf.tiny import TinyChat
    >>> TinyChat(model="sum", seed=1).invoke("What is 12 + 30 + 41?").text.splitlines()[-1]
    'The answer is 83.'
    """

    model: str = "sum"
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] | None = None
    n: int = Field(default=1, ge=1)
    logprobs: bool = False
    seed: int | None = None

    _asked: tiny.SampleCounter = PrivateAttr(default_factory=tiny.SampleCounter)

    @property
    def _llm_type(self) -> str:
        return "bestofinf-tiny"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    def get_token_ids(self, text: str) -> list[int]:
        """Return the tokens of a text: its characters."""
        return [ord(character) for character in text]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._sampled(*self._request(messages, stop, kwargs), self._logprobs(kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # The reply is numbered before threads compete, so that a seed decides who gets which.
        request = self._request(messages, stop, kwargs)
        return await run_in_executor(None, self._sampled, *request, self._logprobs(kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        question, options, first = self._request(messages, stop, kwargs)
        wanted = self._logprobs(kwargs)
        total = 0
        for piece in tiny.load(self.model).stream(question, options, first=first):
            total += piece.generated
            message = AIMessageChunk(content=piece.text)
            if wanted and piece.text:
                message.response_metadata = _logprobs(piece.text, piece.logprobs)
            if piece.finish_reason is not None:
                message.response_metadata |= self._metadata(piece.finish_reason)
                message.usage_metadata = _usage(tiny.count_prompt(question), total)
                message.chunk_position = "last"
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                run_manager.on_llm_new_token(piece.text, chunk=chunk)
            yield chunk

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[str, tiny.Options, int]:
        """Return the question, how to sample, and the number of the first reply."""
        unknown = kwargs.keys() - _CALL_OPTIONS
        if unknown:
            raise UsageError(
                f"TinyChat takes {', '.join(sorted(_CALL_OPTIONS))} with a call, "
                f"got {', '.join(sorted(unknown))}"
            )
        question = tiny.question_of(convert_to_openai_messages(messages))
        options = tiny.Options(
            n=kwargs.get("n", self.n),
            temperature=kwargs.get("temperature", self.temperature),
            max_tokens=kwargs.get("max_tokens", self.max_tokens),
            stop=tuple((self.stop or []) if stop is None else stop),
            seed=kwargs.get("seed", self.seed),
        )
        numbered = self.seed is not None and "seed" not in kwargs
        return question, options, self._asked.take(question, options.n) if numbered else 0

    def _logprobs(self, kwargs: dict[str, Any]) -> bool:
        return bool(kwargs.get("logprobs", self.logprobs))

    def _sampled(
        self, question: str, options: tiny.Options, first: int, logprobs: bool
    ) -> ChatResult:
        completion = tiny.load(self.model).complete(question, options, first=first)
        generations = []
        for place, choice in enumerate(completion.choices):
            metadata = self._metadata(choice.finish_reason)
            if logprobs:
                metadata |= _logprobs(choice.text, choice.logprobs)
            # The question was read once: the usages of all replies add up to the request's.
            read = 0 if place else completion.prompt_tokens
            message = AIMessage(
                content=choice.text,
                response_metadata=metadata,
                usage_metadata=_usage(read, choice.generated),
            )
            generations.append(
                ChatGeneration(
                    message=message, generation_info={"finish_reason": choice.finish_reason}
                )
            )
        return ChatResult(generations=generations, llm_output={"model_name": self.model})

    def _metadata(self, finish_reason: str) -> dict[str, Any]:
        return {"finish_reason": finish_reason, "model_name": self.model}


def _usage(read: int, written: int) -> UsageMetadata:
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)


def _logprobs(text: str, logprobs: tuple[float, ...]) -> dict[str, Any]:
    """Return log-probabilities in the form of OpenAI's chat API."""
    content = [
        {"token": token, "logprob": value, "bytes": list(token.encode()), "top_logprobs": []}
        for token, value in zip(text, logprobs, strict=True)
    ]
    return {"logprobs": {"content": content}}
