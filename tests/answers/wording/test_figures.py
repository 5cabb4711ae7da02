"""The answer type `number` reads numbers in words, and takes none for another."""

import pytest

from bestofinf.answers import NumberAnswer
from bestofinf.answers.wording.figures import in_figures
from bestofinf.answers.wording.lexicon import lexicon
from bestofinf.records import Reply

ASKED = {
    "en": "How many pallets are in the hall?",
    "de": "Wie viele Paletten sind in der Halle?",
    "fr": "Combien de palettes y a-t-il dans le hall ?",
    "es": "¿Cuántos palés hay en la nave?",
}


def number(text, question=None):
    kind = NumberAnswer() if question is None else NumberAnswer().for_question(question)
    return kind.vote(Reply(text))[0]


@pytest.mark.parametrize(
    ("code", "text", "value"),
    [
        ("en", "Twenty-three.", "23"),
        ("en", "**Forty two** pallets", "42"),
        ("en", "The answer is one hundred and five.", "105"),
        ("en", "two thousand, three hundred and four", "2304"),
        ("en", "thirty percent", "30 %"),
        ("en", "three hours", "3 h"),
        ("en", "ten months", "10 months"),
        ("de", "Dreiunddreißig", "33"),
        ("de", "Die Antwort ist elf.", "11"),
        ("de", "zweihundertvier Paletten", "204"),
        ("fr", "vingt et un", "21"),
        ("fr", "La réponse est septante-deux.", "72"),
        ("fr", "quatre-vingt-dix palettes", "90"),
        ("es", "once", "11"),
        ("es", "La respuesta es cuarenta y ocho.", "48"),
    ],
)
def test_a_number_in_words_is_its_figure(code, text, value):
    assert number(text, ASKED[code]) == number(value, ASKED[code])
    if code == "en":
        assert number(text) == number(value)


@pytest.mark.parametrize(
    "text",
    [
        *("five or six", "ten to twelve", "one in five", "six feet two", "twenty twenty"),
        *("six, seven", "two thousand, three thousand", "one million, three", "two hundred, five"),
        *("twenty-first", "second", "more than nine", "four times two", "one of them"),
        *("eleven or so pallets", "none", "twenty pallets and ten boxes", "three pallets left of nine"),
    ],
)  # fmt: skip
def test_what_may_be_another_number_is_none(text):
    assert number(text) is None
    assert number(text, ASKED["en"]) is None


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *(("en", "twenty. three"), ("en", "two\nhundred"), ("en", "forty\n\ntwo"), ("en", "one. Thousand")),
        *(("de", "hundert. zwei"), ("fr", "deux. mille"), ("es", "treinta. y uno")),
        *(("en", "hundreds"), ("en", "millions"), ("de", "Millionen"), ("fr", "cents"), ("es", "millones")),
        *(("en", "million"), ("en", "k")),
    ],
)  # fmt: skip
def test_sentences_lines_and_bare_plurals_are_no_number(code, text):
    assert number(text, ASKED[code]) is None


@pytest.mark.parametrize("text", ["zwei drei Drittel", "das Achtel", "eine"])
def test_parts_and_articles_alone_are_none_in_german(text):
    assert number(text, ASKED["de"]) is None


def test_words_are_those_of_the_question_s_language():
    assert number("once", ASKED["en"]) is None
    assert number("elf", ASKED["en"]) is None
    assert number("ten", "Ile palet stoi na magazynie?") is None
    assert number("twelve", ASKED["en"]) == "12"


@pytest.mark.parametrize("code", ASKED)
@pytest.mark.parametrize("joined", [", ", " / ", "; ", "? "])
def test_two_numbers_are_none(code, joined):
    words = sorted(lexicon(code).numerals)
    assert not [
        (a, b) for a in words[::2] for b in words[::3] if in_figures(f"{a}{joined}{b}", code)
    ]
