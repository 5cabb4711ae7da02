import pytest


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'answers.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """The address of an empty store, of either kind."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
