"""LangChain's own tests for chat models: two members over HTTP on the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_bestofinf import AdaptiveEnsembleChat
from support.backends import EchoBackend
from support.server import LoopbackServer

pytestmark = [
    # The client's own: it leaves the parsed object in a field of another type,
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    # and says that it takes another way for the models of pydantic 1.
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema:UserWarning"),
]


# No certificates: reading them takes longer than the tests.
PLAIN: dict[str, Any] = {"trust_env": False, "verify": False}


def member(model: str, url: str, **clients: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=url, api_key="none", temperature=0.7, **clients)


class TestUnits(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return AdaptiveEnsembleChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        clients = {**CLIENTS, "url": "http://127.0.0.1:1/v1"}
        return {"members": [member("a", **clients), member("b", **clients)]}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {"temperature": 0.7, "max_tokens": 100, "timeout": 60, "stop": []}

    @property
    def init_from_env_params(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        environment = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
        return environment, {"members": ["openai:a", "openai:b"]}, {"max_samples": 64}


CLIENTS: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(EchoBackend()) as server, httpx.Client(**PLAIN) as client:
        CLIENTS.update(url=server.url, http_client=client)
        yield server


@pytest.fixture(autouse=True)
async def client_of_this_loop() -> AsyncIterator[None]:
    """Every test has an event loop of its own, and a client's connections belong to one."""
    async with httpx.AsyncClient(**PLAIN) as client:
        CLIENTS["http_async_client"] = client
        yield
    await asyncio.sleep(0)


class TestIntegration(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return AdaptiveEnsembleChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"members": [member("a", **CLIENTS), member("b", **CLIENTS)]}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {"max_tokens": 100, "timeout": 60}

    @property
    def supports_model_override(self) -> bool:
        return False  # an ensemble has no single model to replace

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[str, Any]:
        return {"invoke": [], "stream": []}

    # Inputs of images, files and sound: the tests download them.
