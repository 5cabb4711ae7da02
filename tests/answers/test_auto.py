"""What the default answer type takes from replies, and when it abstains."""

import pytest

from bestofinf.answers import AutoAnswer, ChoiceAnswer, TextAnswer, resolve_answer
from bestofinf.errors import UsageError
from bestofinf.records import Reply, ToolCall

LONG = "We look at the figure and see that it has three sides and two colours, and that is all. "


@pytest.fixture(scope="module")
def auto():
    return AutoAnswer()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("42", "42"),
        ("The answer is 42.", "42"),
        ("**Final Answer:** 42", "42"),
        ("Answer:\n\n**12**", "12"),
        (LONG * 5 + "The answer is 42, because 6 * 7 = 42.", "42"),
        (LONG + "The answer is 41. No: the answer is 42.", "42"),
        ("The answer is 42. The answer is correct.", "42"),
        ("She sold 18 eggs.\n#### 18", "18"),
        ("<answer>7</answer>", "7"),
        (r"Therefore \boxed{41} is wrong and \boxed{\frac{1}{2}} is right.", "0.5"),
        (r"The answer is 3, so \boxed{4}", "4"),
        (LONG * 400 + r"\boxed{5}" + LONG * 400, "5"),
        (r"\boxed{x^2 + 1}", "x^2+1"),
        ("The correct answer is (B).", "B"),
        ("The final answer is: **Option C**", "C"),
        ("(d)", "D"),
        ("Answer: C. It follows from the text.", "C"),
        ("The answer is J. K. Rowling.", "J K rowling"),
        ("Paris.", "paris"),
        ("The capital of France", "capital of France".lower()),
        ("The answer is Paris, which lies on the Seine.", "paris"),
        ("It is the 5th of May 2024", "it is the 5th of may 2024"),
        ("May 5, 2024", "2024-05-05"),
        ('{"b": 1.0, "a": [2]}', '{"a":[2],"b":1}'),
        ('```json\n{"a": 1}\n```', '{"a":1}'),
        ('```json\n[{"b": 1, "a": 2}]\n```', '[{"a":2,"b":1}]'),
        ("$1,200.00", "$1200"),
        ("Yes!", "yes"),
    ],
)
def test_the_first_reading_that_applies_is_taken(auto, text, answer):
    assert auto.vote(Reply(text=text)) == (answer, "")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(text=LONG), "free text"),
        (Reply(text=LONG + "There are 3 of them and 4 of those."), "free text"),
        (
            Reply(text="In 1969 two men walked on the moon, and a third one waited above."),
            "free text",
        ),
        # On one line it would be a label with an answer.
        (Reply(text="_Antwort: !B.A: f\n  B.A: \\"), "free text"),
        (Reply(text=""), "empty"),
        (Reply(text=" \n "), "empty"),
        (Reply(text=r"\boxed{}"), "empty"),
        (Reply(text="The answer is"), "empty"),
        (Reply(text="The answer is not 5."), "empty"),
        (Reply(text="The answer is 4. The answer is unclear."), "empty"),
        (Reply(text="I don't know."), "does not answer"),
        (Reply(text="N/A"), "does not answer"),
        (Reply(text="I cannot help with that", refusal=True), "refused"),
        (Reply(text="The answer is 12", finish_reason="length"), "cut off"),
        (Reply(text=r"\boxed{12", finish_reason="length"), "cut off"),
    ],
)
def test_what_cannot_be_voted_on_abstains_and_says_why(auto, reply, reason):
    assert auto.vote(reply) == (None, reason)


def test_a_closed_box_counts_although_the_reply_was_cut_off(auto):
    assert auto.vote(Reply(text=r"\boxed{12} Let us ch", finish_reason="length"))[0] == "12"


@pytest.mark.parametrize(
    "text", ['x {"a": ٣} y', '公斤+{"a": ３}', 'so ｛"a"：3｝', r'\boxed{x {"a": ٣}}']
)
def test_an_object_in_the_signs_of_another_script_is_found_among_words(auto, text):
    assert auto.vote(Reply(text)) == ('{"a":3}', "")


def test_tool_calls_come_before_text_and_objects_before_words(auto):
    call = ToolCall("add", {"b": 2, "a": 1.0}, id="call-1")
    value, _ = auto.vote(Reply(text="The answer is 3", tool_calls=(call,)))
    assert value == '[{"args":{"a":1,"b":2},"name":"add"}]'
    assert auto.vote(Reply(text="3", parsed={"x": 1}))[0] == '{"x":1}'
    assert auto.canonical(value) == value


def test_answers_of_different_kinds_are_never_the_same(auto):
    values = ['[{"args":{},"name":"f"}]', '{"f":1}', "f", "1", "2024-01-01", "2022", "B"]
    for first in values:
        for second in values:
            assert auto.same(first, second) == (first == second)


def test_a_number_without_unit_equals_one_with_it_and_two_units_differ(auto):
    assert auto.same("$5", "5")
    assert auto.same("5 km", "5")
    assert not auto.same("5 km", "5 m")
    assert not auto.same("$5", "€5")


def test_text_takes_whole_replies_by_their_words():
    text = TextAnswer()
    assert text.vote(Reply(text="  The  CAT sat.\n"))[0] == "cat sat"
    assert text.vote(Reply(text="word " * 65)) == (None, "more than 64 words")
    assert text.canonical("The CAT") == "The CAT"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The correct choice is (D).", "D"),
        ("a", "A"),
        ("B) Paris", "B"),
        ("B. Paris", "B"),
        ("It must be one of them.\n\nC", "C"),
        (r"\boxed{\text{E}}", "E"),
        ("A cat sat there", None),
        ("I think", None),
        ("A) red\nB) blue\nC) green", None),
        ("A) red\nB) blue\n\nB", "B"),
        ("B. It is the only one that fits.\nHence.", "B"),
        ("Z", None),
        ("", None),
    ],
)
def test_a_choice_is_a_letter_however_it_is_set(text, answer):
    assert resolve_answer("choice").vote(Reply(text=text))[0] == answer


def test_choices_may_be_words():
    kind = ChoiceAnswer(("Yes", "No", "Not sure"))
    assert kind.vote(Reply(text="The answer is: **no**."))[0] == "No"
    assert kind.vote(Reply(text="not sure"))[0] == "Not sure"
    assert kind.vote(Reply(text="perhaps"))[0] is None
    assert ChoiceAnswer("AB").vote(Reply(text="C"))[0] is None
    with pytest.raises(UsageError, match="choices must differ"):
        ChoiceAnswer(("Yes", "yes."))


def test_a_text_is_read_once_for_a_question(monkeypatch):
    read = []
    whole = AutoAnswer._read
    monkeypatch.setattr(
        AutoAnswer,
        "_read",
        lambda self, reply, *a: read.append(reply.text) or whole(self, reply, *a),
    )
    bound = AutoAnswer().for_question("How long is the return window?")
    said = [Reply("30 days.", finish_reason=why) for why in ("stop", "stop", "length", "length")]
    assert [bound.vote(reply) for reply in said] == [
        *[(bound.extract(said[0]), "")] * 2,
        *[(None, "cut off")] * 2,
    ]
    assert read == ["30 days."] * 2


def test_a_text_with_calls_in_it_is_read_anew_where_tools_are_known():
    text = '<tool_call>{"name": "look", "arguments": {"at": "sky"}}</tool_call>'
    bound = AutoAnswer().for_question("What colour has the sky?")
    assert bound.vote(Reply(text))[0] is not None
    assert bound.for_tools({"listen": {"type": "object"}}).vote(Reply(text))[0] is None


@pytest.mark.parametrize(
    "question", [None, "Which variable is undefined?", "What is the name of the function?"]
)
@pytest.mark.parametrize("form", ["{}", "`{}`", "The answer is `{}`.", "{}."])
def test_identifiers_differ_by_their_case(question, form):
    auto = AutoAnswer() if question is None else AutoAnswer().for_question(question)
    for names in (
        ("userId", "userid"),
        ("getName", "getname"),
        ("isOK", "isok"),
        ("MAX_SIZE", "max_size"),
    ):
        first, second = (auto.vote(Reply(form.format(name)))[0] for name in names)
        assert first is not None
        assert not auto.same(first, second)
        assert auto.same(first, auto.vote(Reply(names[0]))[0])


def test_words_and_units_with_capitals_inside_are_found_as_before():
    auto = AutoAnswer().for_question("How much energy does it take?")
    assert auto.vote(Reply("5 kWh"))[0] == auto.vote(Reply("It takes 5 kWh."))[0]
    assert AutoAnswer().vote(Reply("JavaScript"))[0] == AutoAnswer().vote(Reply("Javascript"))[0]


def test_a_list_is_no_tuple_where_the_question_may_ask_for_one_and_one_vector_in_mathematics():
    bound = AutoAnswer().for_question("What does the function return?")
    for inside in ("1,2,3", "1, 2", "1"):
        first, second = (bound.vote(Reply(text))[0] for text in (f"[{inside}]", f"({inside})"))
        assert not bound.same(first, second)
    assert AutoAnswer().same("[1,2,3]", "(1,2,3)")
    assert resolve_answer("math").same("[1,2,3]", "(1,2,3)")


@pytest.mark.parametrize(
    "text",
    [
        *("Eliminated:\nA", "## Incorrect answers\n\nA", "## Answer choices\n\nA\nB\nC\nD", "Options:\nA\nB\nC\nD"),
        *("A. C", "❌ B", "B ❌", "A: B", "A: Oxygen. B: Argon. C: Nitrogen.", "B\n\nWait, that's wrong. C"),
        *("Answer: D. Hmm, no. C.", "## Answer B\n\nThis one is wrong."),
    ],
)  # fmt: skip
def test_choices_that_are_listed_put_aside_or_taken_back_are_none(text):
    assert ChoiceAnswer().vote(Reply(text))[0] is None


@pytest.mark.parametrize(
    "text", ["Ⓑ", "ⓑ", "Answer: Ⓑ", "✅ B", "B (certain)", "Answer (yes/no): B", "A ❌\nB ✅\nC ❌"]
)
def test_choices_in_circles_and_beside_signs(text):
    assert ChoiceAnswer().vote(Reply(text))[0] == "B"
