import itertools

import pytest


@pytest.fixture
def new_store(request, tmp_path):
    """Return a function that gives the address of an empty store of a kind."""
    numbers = itertools.count()

    def new(kind):
        if kind == "postgresql":
            return request.getfixturevalue("postgres_server").fresh_database()
        return str(tmp_path / f"{next(numbers)}.db")

    return new
