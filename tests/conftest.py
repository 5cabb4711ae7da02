"""What all tests share."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test may depend on how busy the machine is. The same code gives the same result each time;
# `make soak` looks for examples that nobody has seen.
for name, repeatable in (("repeatable", True), ("searching", False)):
    settings.register_profile(
        name,
        settings.default,
        derandomize=repeatable,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("repeatable")

# The processes of `make test` share the cores: threads of the linear algebra would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Programs that tests start find the tests' own support package as the tests do.
_FOLDERS = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _FOLDERS))


@pytest.fixture
def serve():
    """Start loopback servers that stop with the test."""
    from support.server import LoopbackServer

    with ExitStack() as running:

        def start(backend, **settings):
            server = LoopbackServer(backend, **settings).start()
            running.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server for the session; it must be running again when a test ends."""
    from support import postgres

    reason = postgres.reason_not_to_run()
    if reason is not None:
        pytest.skip(reason)
    running = postgres.Server()
    yield running
    running.remove()


@pytest.fixture
def postgres_url(postgres_server):
    """The address of an empty database."""
    return postgres_server.fresh_database()
