"""What every adapter promises, of ensembles of endpoints over HTTP."""

from __future__ import annotations

import itertools

import pytest

from bestofinf import Endpoint, Ensemble
from bestofinf.testing import Adapter, AdapterContract, Said, TinyAdapter, TinyContract
from bestofinf.tiny import TinyMember
from support.backends import FunctionBackend
from support.request import RefusedRequest, text_of


class Http(Adapter):
    def __init__(self, serve):
        self.serve = serve
        self.servers = {}

    def model(self, replies, name="scripted", *, seconds=0.0):
        said = itertools.cycle(replies)

        def reply(request):
            found = next(said)
            if not isinstance(found, BaseException):
                return found
            status = 504 if isinstance(found, TimeoutError) else 418
            raise RefusedRequest(f"{type(found).__name__}: {found}", status=status)

        server = self.serve(FunctionBackend(reply), latency=seconds)
        model = Endpoint(name, url=server.url)
        self.servers[server.url] = server
        return model

    def make(self, members, **settings):
        return Ensemble(members, **settings)

    async def ask(self, ensemble, how, question, **settings):
        if how == "ask":
            return ensemble.ask(question, **settings)
        return await ensemble.aask(question, **settings)

    def text(self, result):
        return result.reply.text

    def trace(self, result):
        return result.told

    def asked(self, model):
        bodies = self.servers[model.url].bodies
        return [text_of(body["messages"][-1]) for body in bodies]

    def in_flight(self, model):
        return self.servers[model.url].counts.in_flight


class TestContract(AdapterContract):
    ways = ("ask", "aask")
    cancellable = ("aask",)

    @pytest.fixture
    def adapter(self, serve):
        return Http(serve)


class Tiny(TinyAdapter):
    def make(self, **fields):
        return TinyMember(**fields)

    def ask(self, model, question, **options):
        return said(model.send(body(question, options)), options)

    async def aask(self, model, question, **options):
        return said(await model.asend(body(question, options)), options)


def body(question, options):
    return {"messages": [{"role": "user", "content": question}], **options}


def said(reading, options) -> Said:
    reply = reading.reply
    read, written = reading.input_tokens, reading.output_tokens
    return Said(reply.text, reply.finish_reason, read, written, reply.logprobs)


class TestTiny(TinyContract):
    @pytest.fixture
    def tiny_adapter(self):
        return Tiny()
