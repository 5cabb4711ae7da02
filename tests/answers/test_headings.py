"""A heading announces the answer under it, and only a heading of the speaker's own answer."""

import pytest

from bestofinf.answers import AutoAnswer, ChoiceAnswer, MathAnswer, NumberAnswer
from bestofinf.answers.finding import announced
from bestofinf.records import Reply

PROSE = (
    "We look at what is given first. Then both factors are multiplied with care, and the product is"
    " checked once more by adding up, as one should.\n\n"
)
FORMS = [
    "## {}\n\n",
    "### {}\n",
    "**{}**\n\n",
    "**{}**\n",
    "__{}__\n\n",
    "*{}*\n\n",
    "**{}:**\n\n",
    "{}\n------\n",
    "{}\n=======\n\n",
    "{}\n\n",
    "## {} ##\n\n",
    "<h2>{}</h2>\n\n",
    "## 3. {}\n\n",
    "### ✅ {}\n\n",
    "1. **{}**\n\n   ",
    "## {}\n\n> ",
]
NOUNS = ["Answer", "Final answer", "The answer", "Your answer", "CORRECT ANSWER"]
TRANSLATED = [
    "Antwort",
    "Richtige Antwort",
    "Réponse",
    "Réponse finale",
    "Respuesta final",
    "Risposta",
    "Resposta correta",
    "Antwoord",
    "Rätt svar",
    "Odpowiedź",
    "Ответ",
    "Правильный ответ",
    "الإجابة",
    "उत्तर",
    "Đáp án",
    "答案",
    "最终答案",
    "回答",
    "最終的な答え",
    "정답",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("noun", NOUNS)
def test_what_stands_under_a_heading_for_the_answer_is_announced(form, noun):
    assert announced(f"{PROSE}{form.format(noun)}42") == "42"
    assert (
        announced(f"{form.format(noun)}42\n\n## Why\n\nSix sevens are 42, and 30 + 12 too.") == "42"
    )


@pytest.mark.parametrize("noun", TRANSLATED)
def test_so_it_is_in_other_languages(noun):
    assert NumberAnswer().vote(Reply(f"{PROSE}## {noun}\n\n42"))[0] == "42"
    assert NumberAnswer().vote(Reply(f"{PROSE}**{noun}**\n\n42"))[0] == "42"


@pytest.mark.parametrize(
    "heading",
    [
        *("Wrong answer", "Incorrect answers", "Possible answers", "Answer key", "Answer choices", "Previous answer"),
        *("First answer", "Sample answer", "Student's answer", "Rejected answer", "Answer format", "Question"),
        *("Falsche Antwort", "Mauvaise réponse", "错误答案", "Step 3", "Antwort des Schülers"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", FORMS[:4])
def test_other_headings_announce_nothing(heading, form):
    text = f"{PROSE}{form.format(heading)}41"
    assert NumberAnswer().vote(Reply(text))[0] is None
    assert MathAnswer().vote(Reply(text))[0] is None
    assert AutoAnswer().vote(Reply(text))[0] is None


@pytest.mark.parametrize(
    "under",
    [
        *("41\n42", "- 41\n- 42", "41\n\n42", "It is 41 or 42.", "Not 42.", "More than 42", "~42", "42?", "", "about 42"),
        *("42\n\nWait, that is wrong. It is 43.", "42\n\nCorrection: 43", "42? Let me check", "42\n\n## Other answer\n\n43"),
        *("Here is how:", "Let me think.", "**Case 1**\n\n42"),
    ],
)  # fmt: skip
def test_what_is_no_single_answer_under_a_heading_is_none(under):
    text = f"{PROSE}## Answer\n\n{under}"
    assert NumberAnswer().vote(Reply(text))[0] is None
    for heading in ("**Answer**", "## Réponse"):
        assert NumberAnswer().vote(Reply(f"{PROSE}{heading}\n\n{under}"))[0] is None


@pytest.mark.parametrize(
    ("kind", "under", "vote"),
    [
        (ChoiceAnswer(), "B) Paris", "B"),
        (ChoiceAnswer(), "**B**", "B"),
        (ChoiceAnswer(("yes", "no")), "No", "no"),
        (MathAnswer(), "$$\nx = 3\n$$", "x=3"),
        (MathAnswer(), "\\[ x = 3 \\]", "x=3"),
        (NumberAnswer(), "```\n42\n```", "42"),
        (NumberAnswer(), "The total is 42 apples.", "42"),
        (AutoAnswer().for_question("What is the capital of France?"), "Paris", "paris"),
        (AutoAnswer().for_question("What is the capital of France?"), "The capital of France is Paris.", "paris"),
    ],
)  # fmt: skip
def test_every_answer_type_reads_headings(kind, under, vote):
    value, note = kind.vote(Reply(f"{PROSE}## Answer\n\n{under}"))
    assert value is not None, note
    assert kind.same(value, vote)


def test_the_last_announcement_counts_and_thoughts_do_not():
    assert announced("## Answer\n\n41\n\nThat is rough.\n\nSo the answer is 42.") == "42"
    assert announced("The answer is 41, roughly.\n\n## Answer\n\n42") == "42"
    text = "<think>\n## Answer\n\n41\n</think>\n## Answer\n\n42"
    assert NumberAnswer().vote(Reply(text))[0] == "42"
    assert NumberAnswer().vote(Reply("<think>\n## Answer\n\n41\n"))[0] is None


def test_a_long_section_under_a_heading_stays_free_text():
    text = "## Answer\n\nParis is the capital. It has been for most of a thousand years, with pauses, as"
    text += " the chronicles tell, and two million people live there along the river and its bends."
    assert AutoAnswer().vote(Reply(text)) == (None, "free text")
