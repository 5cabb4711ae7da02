"""Fixtures of the tests under faults."""

from contextlib import ExitStack

import pytest

from support.server import LoopbackServer


@pytest.fixture
def serve():
    """Start loopback servers that stop with the test."""
    with ExitStack() as stack:

        def start(backend, **settings):
            return stack.enter_context(LoopbackServer(backend, **settings))

        yield start
