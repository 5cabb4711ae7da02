"""What holds in English holds in the other languages whose words are known."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.answers.wording.languages import LANGUAGES
from bestofinf.answers.wording.lexicon import lexicon
from bestofinf.records import Reply

CASES = {
    "de": [
        (
            "Wie lange ist das Ticket gültig?",
            "90 minutes",
            ["90 Minuten", "Das Ticket ist 90 Minuten gültig.", "Laut Plan neunzig Minuten."],
        ),
        ("Wer leitet den Chor?", "eva lind", ["Eva Lind.", "Der Chor wird von Eva Lind geleitet.", "Es ist Eva Lind."]),
        ("Ist der Eintritt frei?", "no", ["Nein.", "Nein, ist er nicht.", "Der Eintritt ist nicht frei."]),
        ("Was kostet die Karte?", "€12.5", ["12,50 €", "Die Karte kostet 12,50 Euro."]),
    ],
    "fr": [
        ("Quand la gare a-t-elle ouvert ?", "1998-03-04", ["le 4 mars 1998", "Elle a ouvert le 4 mars 1998."]),
        ("Qui a peint le plafond ?", "ida roche", ["Ida Roche", "C'est Ida Roche.", "Il a été peint par Ida Roche."]),
        ("Le bus est-il gratuit ?", "yes", ["Oui.", "Oui, il est gratuit.", "Le bus est gratuit."]),
    ],
    "es": [
        ("¿Cuánto dura la visita?", "120 minutes", ["2 horas", "La visita dura dos horas.", "Dura 2 horas."]),
        ("¿Dónde está el archivo?", "toledo", ["En Toledo.", "El archivo está en Toledo.", "Está en Toledo."]),
        ("¿Es gratuito el museo?", "no", ["No.", "No, no es gratuito.", "El museo no es gratuito."]),
    ],
    "zh": [
        ("展览什么时候开始？", "2023-05-01", ["2023年5月1日", "展览于2023年5月1日开始。", "是2023年5月1日。"]),
        ("这座桥有多少名工人？", "120", ["120名", "有120名工人。", "一共一百二十名。"]),
        ("博物馆免费吗？", "yes", ["是的。", "是的，免费。", "博物馆免费。"]),
    ],
    "ja": [
        ("会費はいくらですか。", "¥3000", ["3000円", "会費は3000円です。", "3000円です。"]),
        ("駅長は誰ですか。", "田中一郎", ["田中一郎", "駅長は田中一郎です。", "田中一郎です。"]),
        ("入館は無料ですか。", "no", ["いいえ。", "いいえ、無料ではありません。", "入館は無料ではありません。"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("question", "key", "replies"),
    [case for cases in CASES.values() for case in cases],
    ids=[f"{code}{i}" for code, cases in CASES.items() for i in range(len(cases))],
)
def test_wordings_of_one_fact_are_one_vote(question, key, replies):
    answer = AutoAnswer().for_question(question)
    assert [answer.vote(Reply(text=text))[0] for text in replies] == [key] * len(replies)


@pytest.mark.parametrize(("code", "cases"), CASES.items())
def test_the_language_is_that_of_the_question(code, cases):
    for question, _, _ in cases:
        assert AutoAnswer().for_question(question).question.words.language.code == code


def test_a_question_in_a_language_that_is_not_known_binds_nothing():
    assert AutoAnswer().for_question("Кто написал книгу?").question is None


@pytest.mark.parametrize("code", LANGUAGES)
def test_stems_are_their_own_stems_for_the_words_that_say_the_same(code):
    words = lexicon(code)
    for stem, others in words.synonyms.items():
        assert stem not in others
        for other in others:
            assert stem in words.synonyms[other]


@pytest.mark.parametrize("code", LANGUAGES)
def test_nothing_is_its_own_opposite(code):
    words = lexicon(code)
    assert [s for s, others in words.opposites.items() if s in others] == []
