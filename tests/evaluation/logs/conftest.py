import pytest


@pytest.fixture
def no_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BESTOFINF_CACHE", str(tmp_path_factory.mktemp("cache")))
