"""An answer that is wrong, another's, doubted or taken back is nobody's vote."""

import pytest

from bestofinf.answers import AutoAnswer, ChoiceAnswer, MathAnswer, NumberAnswer
from bestofinf.records import Reply

LABELLED = "Which city is the capital of France?\nA) Lyon\nB) Marseille\nC) Paris\nD) Nice"
KINDS = {
    "choice": ChoiceAnswer(tuple("ABCD")),
    "auto": AutoAnswer(),
    "labelled": AutoAnswer().for_question(LABELLED),
}
NOT_CHOSEN = [
    "The wrong answer is B.", "They say B.", "B is incorrect.", "I first thought B.", "Not B.", "B is wrong",
    "It is not B.", "The answer is not B.", "Everyone says B.", "Initially I thought B.", "My first guess was B.",
    "The least likely answer is B.", "Anything but B.", "It can't be B.", "I doubt B.", "A common mistake is B.",
    "One might think B.", "The distractor is B.", "My previous answer was B.", "The student answered B.",
    "The student's answer is B.", "Is it B?", "The opposite of B.", "B or C", "B fails.", "Wrong: B",
    "Wrong answer: B", "Second best answer: B", "Not the answer: B", "Their answer: B", "If the answer is B",
    "Suppose the answer is B.", "I don't think the answer is B.", "They say the answer is B.", "You said B.",
    "The answer is B?", "The answer is B. That is wrong.", "It could be B.", "You might say B.",
    "Die falsche Antwort ist B.", "Falsche Antwort: B", "Man sagt B.", "Zuerst dachte ich B.", "Die Antwort ist nicht B.",
    "La mauvaise réponse est B.", "La réponse est fausse : B", "Ils disent B.", "J'ai d'abord pensé B.", "Pas B.",
    "La respuesta incorrecta es B.", "Respuesta incorrecta: B", "Dicen B.", "Primero pensé B.", "No es B.",
    "La risposta sbagliata è B.", "Dicono B.", "A resposta errada é B.", "Não é B.", "Het foute antwoord is B.",
    "Неправильный ответ: B", "Неверный ответ — B.", "错误答案是B", "错误的答案：B", "答案不是B", "他们说B", "我一开始以为是B",
    "間違った答えはBです", "答えはBではありません", "最初はBだと思った", "오답은 B", "B는 틀렸다", "الإجابة الخاطئة هي B", "गलत उत्तर B है",
]  # fmt: skip
CHOSEN = [
    "The answer is B.", "So the final answer is B.", "The correct option is B.", "The only correct answer is B.",
    "The most likely answer is B.", "Question 3 answer: B", "Your answer: B", "Therefore, our answer is B.",
    "They say C, but the answer is B.", "It is not C, so the answer is B.", "C is wrong. The answer is B.",
    "La bonne réponse est B.", "Die richtige Antwort ist B.", "La respuesta correcta es B.", "正确答案是B", "正解はBです",
    "Antwort: B", "答案不是C，答案是B", "Правильный ответ: B",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_CHOSEN)
@pytest.mark.parametrize("kind", KINDS)
def test_a_choice_that_is_taken_back_is_no_vote(kind, text):
    assert KINDS[kind].vote(Reply(text=text))[0] != "B"


@pytest.mark.parametrize("text", CHOSEN)
@pytest.mark.parametrize("kind", KINDS)
def test_a_choice_that_is_announced_is_a_vote(kind, text):
    assert KINDS[kind].vote(Reply(text=text))[0] == "B"


@pytest.mark.parametrize(
    "text",
    [
        "Not B but C.",
        "B is wrong, C is right.",
        "I first thought B, but it is C.",
        "The wrong answer is B; the right one is C.",
        "They say B, I say C.",
        "B? No, it must be C.",
        "Nicht B, sondern C.",
        "Pas B mais C.",
        "No B sino C",
        "不是B，是C",
    ],
)
def test_the_choice_that_is_left_is_chosen(text):
    assert KINDS["choice"].vote(Reply(text=text))[0] == "C"


def test_where_the_question_asks_what_is_false_a_denied_choice_leaves_none():
    text = Reply(text="A is true, B is false.")
    assert KINDS["choice"].vote(text)[0] == "A"
    for question in ("Which statement is false?", "Which test fails?", "Which is not a bird?"):
        bound = KINDS["choice"].for_question(question)
        assert bound.vote(text)[0] is None
        assert bound.vote(Reply(text="The answer is B."))[0] == "B"


@pytest.mark.parametrize(
    "text",
    [
        "They say 12.", "The wrong answer is 12.", "So they say 12.", "So I first thought it is 12.", "12 is wrong.",
        "So the wrong total is 12.", "I doubt that it is 12.", "The total is 12, which is wrong.",
        "So the total is 12. That is wrong.", "The answer is 12. That is wrong.", "The student's answer is 12.",
        "Man sagt 12.", "Falsch: 12", "Ils disent 12.", "Dicen 12.", "他们说12", "错误答案是12", "12... no, 13.", "Is the answer 12?",
    ],
)  # fmt: skip
def test_a_number_that_is_taken_back_is_no_vote(text):
    question = "How many apples does Tom have, who had 3 and bought more?"
    for kind in (NumberAnswer(), AutoAnswer(), MathAnswer(symbolic=False)):
        for reader in (kind, kind.for_question(question)):
            assert reader.vote(Reply(text=text))[0] not in ("12", "13")


def test_the_same_languages_are_tried_in_the_same_order_each_time():
    # Chinese and Japanese, or Russian and Bulgarian, share nouns.
    readings = {ChoiceAnswer().vote(Reply(text=text))[0] for text in ("错误的答案：B", "答：B")}
    assert readings == {None, "B"}


@pytest.mark.parametrize(
    "text", ["\u202a42\u202c", "\u206642\u2069", "4\ufe0f\u20e32\ufe0f\u20e3", "\uff14\uff12"]
)
@pytest.mark.parametrize("kind", [AutoAnswer(), NumberAnswer(), MathAnswer(symbolic=False)])
def test_what_only_frames_digits_is_no_part_of_a_number(kind, text):
    assert kind.vote(Reply(text=text))[0] == "42"


@pytest.mark.parametrize("name", ["antThinking", "inner_monologue", "THINK"])
@pytest.mark.parametrize("kind", [AutoAnswer(), NumberAnswer(), MathAnswer(symbolic=False)])
def test_thoughts_under_rarer_names_are_no_votes(kind, name):
    text = f"<{name}>\\boxed{{5}}</{name}>\n7"
    assert kind.vote(Reply(text=text))[0] == "7"
