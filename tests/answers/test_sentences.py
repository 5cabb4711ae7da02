"""Answers announced, concluded and stated in sentences of many languages."""

import pytest

from bestofinf.answers import ChoiceAnswer, MathAnswer, NumberAnswer, resolve_answer
from bestofinf.answers.finding import announced
from bestofinf.answers.languages import LANGUAGES
from bestofinf.answers.sentences import concluded, only_value, stated
from bestofinf.records import Reply

MARKS = (
    *("Antwort: ", "Die richtige Antwort lautet: ", "Réponse finale : ", "La réponse est "),
    *("Respuesta: ", "La respuesta correcta es ", "Risposta: ", "La risposta è ", "Resposta: "),
    *("Het antwoord is ", "Svar: ", "Svaret är ", "Vastaus: ", "Odpowiedź: ", "Odpověď: "),
    *("Răspuns: ", "Απάντηση: ", "Cevap: ", "Ответ: ", "Ответ — ", "Відповідь: ", "Отговор: "),
    *("الجواب: ", "الإجابة الصحيحة هي: ", "إجابة: ", "پاسخ: ", "جواب: ", "תשובה: ", "उत्तर: "),
    *(
        "উত্তর: ",
        "উত্তরঃ ",
        "సమాధానం: ",
        "விடை: ",
        "คำตอบ: ",
        "คำตอบคือ ",
        "Đáp án: ",
        "Câu trả lời là ",
    ),
    *("Jawaban: ", "Jawabannya adalah ", "Sagot: ", "Jibu: ", "Jibu ni ", "Idahun: ", "Ìdáhùn: "),
    *(
        "Àmọ̀nà: ",
        "Àdáhùn: ",
        "Ànúgọ: ",
        "Àṣàyàn: ",
        "Amsa: ",
        "Azịza: ",
        "答案：",
        "答案是",
        "正确答案为",
    ),
    *(
        "答：",
        "答曰：",
        "答复：",
        "答え：",
        "答えは",
        "正解は",
        "回答: ",
        "정답: ",
        "정답은 ",
        "답변: ",
        "답: ",
    ),
)
END = {"答えは": "です。", "正解は": "です。", "정답은 ": "입니다."}


@pytest.mark.parametrize("mark", MARKS)
def test_what_is_announced_in_a_language_of_the_table_is_the_answer(mark):
    text = f"3 × 4 = 12, 12 + 5 = 17.\n\n{mark}17{END.get(mark, '.')}"
    assert announced(text) == "17"
    for name in ("auto", "math", "number"):
        assert resolve_answer(name).vote(Reply(text=text))[0] == "17"
    letter = f"A) 16  B) 17\n\n{mark}B{END.get(mark, '')}"
    assert resolve_answer("choice").vote(Reply(text=letter))[0] == "B"


def test_the_table_has_the_languages_of_published_answer_marks():
    assert len(MARKS) >= 60
    assert len(LANGUAGES) >= 35
    assert sum(len(language.answer.split("|")) for language in LANGUAGES.values()) >= 80


@pytest.mark.parametrize(
    "text",
    [
        *("Die Antwort ist nicht 17.", "La respuesta no es 17.", "La réponse n'est pas 17."),
        *(
            "La risposta non è 17.",
            "Ответ не 17.",
            "答案不是17。",
            "答えは17ではない。",
            "정답은 17이 아니다.",
        ),
        *("Jawabannya bukan 17.", "La réponse est : pas 17", "उत्तर 17 नहीं है।"),
    ],
)
def test_what_an_announcement_denies_is_no_answer(text):
    assert not announced(text)


@pytest.mark.parametrize(
    "text", ["Die Antwort ist 1.250.", "Réponse : 1,250", "Respuesta: 3.500 km"]
)
def test_a_point_or_comma_that_a_language_reads_in_two_ways_is_no_number(text):
    assert resolve_answer("number").vote(Reply(text=text))[0] is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Die Antwort ist 1.250,5 km.", "1250.5 km"), ("Réponse : 12,75", "12.75"),
        ("Respuesta: 1.250.000", "1250000"), ("Ответ: 1 250", "1250"), ("Antwort: 3,5", "3.5"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_their_language_writes_them(text, value):
    assert resolve_answer("number").vote(Reply(text=text))[0] == value


CONCLUDED = {
    "So the total is 17.": "17",
    "We add 12 and 5. Therefore, there are 17 different seats. I hope this helps.": "17",
    "Thus $y \\geq 17$ is what remains.": "y \\geq 17",
    "First 12, then 5. So the ordered pair $(a, b)$ is $(12, 5)$.": "(12, 5)",
    "Anna hat 12, Ben 5. Also haben sie zusammen 12 + 5 = 17": "17",
    "Daher kostet es 17 Euro.": "17\\text{ Euro}",
    "Donc, il reste 17 km à faire.": "17\\text{ km}",
    "Por lo tanto, hay 17 libros en la mesa.": "17\\text{ libros}",
    "Quindi la somma è 17.": "17",
    "Portanto, são 17 dias.": "17\\text{ dias}",
    "Dus er zijn 17 stoelen.": "17",
    "Таким образом, получаем 17.": "17",
    "一共有12个红球和5个蓝球，所以总共有12 + 5 = 17个球。": "17\\text{ 个}",
    "因此，他一共走了**17公里**。": "17\\text{ 公里}",
    "よって、合計は17個です。": "17\\text{ 個}",
    "따라서 모두 17개입니다.": "17\\text{ 개}",
    "لذا، المجموع هو **17**.": "17",
    "इसलिए, कुल 17 किताबें हैं।": "17",
    "Jadi, jumlahnya adalah 17.": "17",
    "Vậy có 17 quyển sách.": "17",
}


@pytest.mark.parametrize("text", CONCLUDED)
def test_the_one_value_of_the_last_conclusion_is_found(text):
    assert concluded(text) == CONCLUDED[text]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "So there are more than 17.",
            "So there are 17 more.",
            "So it is not 17.",
            "So it is 17 or 18.",
        ),
        *("So it is about 17.", "So it is 17 million.", "So it is twice 17.", "So it is 17 to 18."),
        *(
            "So it takes 17 hours and 5 minutes.",
            "So it is 17:05.",
            "So it is 17 p.m.",
            "So it is 17!",
        ),
        *(
            "So it is 17².",
            "So it is the 17th.",
            "So it grew to 17.",
            "So take step 17.",
            "So 17 is wrong.",
        ),
        *("So it is 17. Then we have 18.", "So it is $17$ million.", "So $z$ is at least $17$."),
        *(
            "So $z$ is not $17$.",
            "So it is **17** or so.",
            "So it is at most **17**.",
            "So it is 3-4.",
        ),
        *("Daher sind es mehr als 17.", "Daher sind es 17 Millionen.", "Daher steigt es auf 17."),
        *("Donc il y en a plus de 17.", "Donc il n'y en a pas 17.", "Donc on passe à 17."),
        *("Por lo tanto hay más de 17.", "Por lo tanto no son 17.", "Quindi sono meno di 17."),
        *("Portanto são quase 17.", "Dus het zijn er minstens 17.", "Поэтому их больше 17."),
        *(
            "因此大约有17个。",
            "因此有17万个。",
            "因此超过17个。",
            "所以不是17个。",
            "因此有17多个。",
            "因此增加到17。",
        ),
        *(
            "よって17以上です。",
            "よって約17です。",
            "따라서 17개 이상이다.",
            "لذا، العدد أكثر من 17.",
        ),
        *("इसलिए, 17 से अधिक हैं।", "Jadi ada lebih dari 17.", "Vậy có hơn 17.", "Tehát 17 van."),
        *("So on that day.", "", "17"),
    ],
)
def test_a_sentence_that_denies_compares_or_multiplies_states_no_value(text):
    assert concluded(text) is None
    assert only_value(text) in (None, "So on that day.")


def test_an_announced_sentence_states_its_value_in_any_order():
    assert stated("the plant began to grow 17 days ago") == "17\\text{ days}"
    assert stated("more than 17 days") is None
    assert stated("plus de 17 jours") is None
    assert stated("mehr als 17 Tage") is None
    assert stated("17") is None  # nothing but a value


def test_values_in_sentences_vote_by_what_they_are():
    math = MathAnswer()
    assert math.vote(Reply(text="Thus $t \\ge 4$ is the solution."))[0] == "t\\ge 4"
    assert math.vote(Reply(text="Special case: 3 of 4"))[0] == "Special case:3 of 4"
    text = "A long story about 3 of 4 people, " * 12
    assert math.vote(Reply(text=text + "with no end"))[0] is None
    assert math.vote(Reply(text=text + "\nSo the total is 17."))[0] == "17"


def test_of_the_numbers_in_a_reply_those_of_the_question_are_left_out():
    kind = NumberAnswer()
    reply = Reply(text="With 12 seats here, 5 seats there, the hall seats 17 people in all")
    assert kind.vote(reply)[0] is None
    asked = kind.for_question("A hall has 12 seats in front and 5 behind. How many are there?")
    assert asked.vote(reply)[0] == "17"
    assert asked.vote(Reply(text="With 12 here, 5 there, 17 or 18"))[0] is None
    assert asked.vote(Reply(text="With 12 here and 5 there, more than 17"))[0] is None
    assert kind.vote(Reply(text="12 + 5 = 17"))[0] == "17"


CHOSEN = {
    "It cannot be A, so I think it is D.": "D",
    "The answer is for sure B, it cannot be C": "B",
    "Because C is the only one that fits": "C",
    "B, not A": "B",
    "I would rule out A and D, leaving C.": "C",
    "It is B rather than C.": "B",
    "Is it A? No. I choose D.": "D",
    "(C) it must be": "C",
    "我认为是C。": "C",
    "B。不是 A": "B",
    "答案不是B，是C": "C",
    "La réponse est C, pas A": "C",
    "A or B": None,
    "neither A nor B": None,
    "It could be B.": None,
    "It is not A.": None,
    "A cat sat on it.": None,
    "I think so.": None,
    "Vitamin B helps.": None,
    "Train A is faster than train B.": None,
    "If it rains, then B.": None,
    "Option A looks right, and option B does too.": None,
}


@pytest.mark.parametrize("text", CHOSEN)
def test_the_only_letter_that_is_named_and_not_denied_is_chosen(text):
    assert ChoiceAnswer().vote(Reply(text=text))[0] == CHOSEN[text]


@pytest.mark.parametrize(
    ("choices", "text", "choice"),
    [
        (("positive", "negative"), "This review is positive.", "positive"),
        (("positive", "negative"), "It is not positive but negative.", "negative"),
        (("positive", "negative"), "It is not positive.", None),
        (("positive", "negative"), "Positive in parts, negative in others.", None),
        (("very good", "good"), "I found it very good.", "very good"),
        (("cold", "red"), "The opposite of hot is cold.", "cold"),
        (("yes", "no"), "No, it does not.", "no"),
        (("yes", "no"), "There is no doubt: yes", "yes"),
        (("yes", "no"), "no way to know", None),
        (("是", "否"), "我认为是的", "是"),
        (("1", "2"), "I pick option 2", "2"),
    ],
)
def test_the_only_given_choice_that_is_named_is_chosen(choices, text, choice):
    assert ChoiceAnswer(choices).vote(Reply(text=text))[0] == choice
