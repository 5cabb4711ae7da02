import pytest

from support import postgres


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server for the session; it must be running again when a test ends."""
    reason = postgres.reason_not_to_run()
    if reason is not None:
        pytest.skip(reason)
    running = postgres.Server()
    yield running
    running.remove()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'answers.db'}"


@pytest.fixture
def postgres_url(server):
    return server.fresh_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """The address of an empty store, of either kind."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
