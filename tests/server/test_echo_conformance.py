"""LangChain's own client, judged by LangChain's standard tests, against the echoing back end.

What fails here would be taken for a fault of the ensemble when it is tested the same way. Left
out are the tests that download pictures, sound and documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

from support.backends import EchoBackend
from support.server import LoopbackServer


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(EchoBackend()) as server:
        yield server


# Both warnings are the client's own, about parsed objects and about pydantic v1.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning")
class TestEchoThroughChatOpenAI(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    async def _clients(self, server: LoopbackServer) -> Any:
        self.url = server.url
        with httpx.Client(trust_env=False, verify=False) as self.client:
            async with httpx.AsyncClient(trust_env=False, verify=False) as self.asynchronous:
                yield

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "echo",
            "api_key": "none",
            "max_retries": 0,
            "stream_usage": True,
            "base_url": self.url,
            "http_client": self.client,
            "http_async_client": self.asynchronous,
        }

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def has_tool_choice(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "echo-2"

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True
