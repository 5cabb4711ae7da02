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

from bestofinf import tiny  # noqa: E402
from bestofinf.tiny.fields import Request, TinyFields  # noqa: E402


class TinyChat(TinyFields, BaseChatModel):
    """A member of `bestofinf.tiny` as a chat model.

    Every field but `model` and `output_version` may also be given with a call, by ``bind`` or as
    a keyword of ``invoke``. All of `n` replies are in the result of ``generate``, and
    log-probabilities stand in ``response_metadata``. The fields are those of
    `bestofinf.tiny.fields.TinyFields`.

    >>> from langchain_bestofinf.tiny import TinyChat
    >>> TinyChat(model="sum", seed=1).invoke("What is 12 + 30 + 41?").text.splitlines()[-1]
    'The answer is 83.'
    """

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
        return self._sampled(self._read(messages, stop, kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # The reply is numbered before threads compete, so that a seed decides who gets which.
        request = self._read(messages, stop, kwargs)
        return await run_in_executor(None, self._sampled, request)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = self._read(messages, stop, kwargs)
        total = 0
        for piece in tiny.load(self.model).stream(
            request.question, request.options, first=request.first
        ):
            total += piece.generated
            message = AIMessageChunk(content=piece.text)
            if request.logprobs and piece.text:
                message.response_metadata = _logprobs(piece.text, piece.logprobs)
            if piece.finish_reason is not None:
                message.response_metadata |= self._metadata(piece.finish_reason)
                message.usage_metadata = _usage(tiny.count_prompt(request.question), total)
                message.chunk_position = "last"
            chunk = ChatGenerationChunk(message=message)
            if run_manager is not None:
                run_manager.on_llm_new_token(piece.text, chunk=chunk)
            yield chunk

    def _read(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> Request:
        question = tiny.question_of(convert_to_openai_messages(messages))
        return self._request(question, kwargs if stop is None else {**kwargs, "stop": stop})

    def _sampled(self, request: Request) -> ChatResult:
        completion = tiny.load(self.model).complete(
            request.question, request.options, first=request.first
        )
        generations = []
        for place, choice in enumerate(completion.choices):
            metadata = self._metadata(choice.finish_reason)
            if request.logprobs:
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
