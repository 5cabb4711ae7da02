"""No text makes an expression search for long: twice the text, twice the time."""

import importlib
import pkgutil
import random
import re

import pytest

import bestofinf
import langchain_bestofinf
import llamaindex_bestofinf
from bestofinf.answers.written_calls import only_calls
from bestofinf.border import secrets
from support.repeats import LIMIT, attacks, expressions, growth, searched

PACKAGES = (bestofinf, langchain_bestofinf, llamaindex_bestofinf)
MODULES = [
    info.name
    for package in PACKAGES
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]
MOST = 60
FEW = 4


def some(texts, most=MOST):
    """Return as many as there is time for, in a mixed order."""
    every = sorted(texts)
    return random.Random(0).sample(every, min(most, len(every)))


ROOMS = sorted({".".join(name.split(".")[:2]) for name in MODULES})


# The expressions of answers are many: each meets few texts, and the many where there is time.
ANSWERS = "bestofinf.answers"


def check(name, most=MOST):
    for which, pattern, matched in expressions(importlib.import_module(name)):
        search = pattern.fullmatch if matched else searched(pattern)
        times, text = growth(search, some(attacks(pattern), most))
        assert times < LIMIT, (name, which, text)


@pytest.mark.parametrize(
    "room", [pytest.param(r, marks=pytest.mark.soak) if r == ANSWERS else r for r in ROOMS]
)
def test_twice_the_text_takes_less_than_two_and_a_half_times_as_long(room):
    for name in MODULES:
        if name == room or name.startswith(f"{room}."):
            check(name)


@pytest.mark.parametrize("name", [m for m in MODULES if m.startswith(f"{ANSWERS}.")])
def test_so_it_is_in_every_module_of_answers(name):
    check(name, FEW)


def test_how_calls_are_written_is_read_in_time_proportional_to_the_text():
    for text in (("```json\n", " \n", "{}"), ("```json\n", "``` ", "\n```"), ("```", " \n", "```")):
        assert growth(only_calls, [text])[0] < LIMIT, text


def test_an_expression_that_searches_for_long_is_found():
    for slow in (r"a*b", r"(a|aa)+$"):
        pattern = re.compile(slow)
        assert growth(searched(pattern), attacks(pattern))[0] > LIMIT, slow


def test_hiding_keys_takes_time_in_proportion_to_the_text():
    times, text = growth(secrets.hide_secrets, some(attacks(secrets._SECRETS)))
    assert times < LIMIT, text
