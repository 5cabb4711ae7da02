"""The names of months, units and currencies are those of babel."""

import json

import pytest

from bestofinf.answers.wording.languages import LANGUAGES
from bestofinf.answers.wording.lexicon import lexicon

MADE_WITH = "2.19.0"


def test_the_file_is_what_its_script_makes():
    babel = pytest.importorskip("babel")
    locales = pytest.importorskip("training.locales")
    if babel.__version__ != MADE_WITH:
        pytest.skip(f"made with babel {MADE_WITH}")
    assert locales.FILE.read_text(encoding="utf-8") == locales.made()


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_its_months_and_days(code):
    words = lexicon(code)
    assert set(words.months.values()) == set(range(1, 13))
    assert "days" in {base for base, _, _ in words.units.values()}
    assert {"USD", "EUR", "JPY"} <= set(words.currencies.values())


def test_no_name_of_a_unit_stands_for_two():
    from training.locales import FILE

    for tables in json.loads(FILE.read_text(encoding="utf-8"))["units"].values():
        names = [name for several in tables.values() for name in several]
        assert len(names) == len(set(names))
