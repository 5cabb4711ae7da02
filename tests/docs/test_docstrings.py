"""The examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import bestofinf
import langchain_bestofinf
import llamaindex_bestofinf

MODULES = [
    info.name
    for package in (bestofinf, langchain_bestofinf, llamaindex_bestofinf)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
