r"""What stands in ``\boxed{}`` votes under a question as it would without the box."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.answers.boxed import plain_box
from bestofinf.records import Reply


def votes(question, *texts):
    answer = AutoAnswer().for_question(question)
    return answer, [answer.vote(Reply(text=text))[0] for text in texts]


@pytest.mark.parametrize(
    ("question", "plain", "boxed", "others"),
    [
        ("Which release fixed the leak?", "2.40", ["2.40", r"\text{2.40}", r"\mathrm{v2.40}"], ["2.4", "24"]),
        ("What is the reference number?", "00712", ["00712", r"\text{00712}"], ["712", "7120"]),
        ("What is the serial number?", "KX-71", [r"\text{KX-71}", r"KX\text{-}71", "KX-71"], ["XK-71", "KX71"]),
        ("What is the part number?", "71KX", [r"71\text{KX}", "71KX"], ["71XK"]),
        ("Which variable is never set?", "row_count", [r"\text{row\_count}", r"\texttt{row\_count}"], [r"\text{count\_row}"]),
        ("How many euros does it cost?", "40 euros", ["40", r"40\text{ euros}", r"40\,\text{€}", "€40", "40.00"], ["41", r"40\text{ dollars}"]),
        ("How many hours does it last?", "3 hours", ["3", r"3\text{ h}", r"3~\mathrm{hours}", r"180\text{ minutes}", r"\frac{6}{2}", "t=3"], ["4", "t=4", r"3\text{ minutes}"]),
        ("What percentage of the seeds grew?", "40%", ["40", r"40\%", r"40\text{ percent}", r"$40\%$"], ["4", r"0.4\text{ percent}"]),
        ("How many people live there?", "1,250,000", ["1250000", r"1{,}250{,}000", r"1,\!250,\!000", r"1\,250\,000"], ["1250"]),
        ("What is the temperature?", "30 °C", [r"30^\circ\text{C}", r"30\,^{\circ}\mathrm{C}"], [r"30^\circ\text{F}", r"31^\circ\text{C}"]),
        ("What is the area of the yard in square meters?", "60 m²", ["60", r"60\,\mathrm{m^2}", r"60\text{ m}^2", r"60\ \text{square meters}"], ["61", r"60\,\mathrm{m^3}"]),
        ("Which metal is it?\nA) Zinc\nB) Tin", "Tin", ["B", r"\text{Tin}", r"\text{(B) Tin}", r"\textbf{(B)}", "B: Tin"], ["A", r"\text{Zinc}"]),
        ("Is the bridge open?", "Yes", [r"\text{Yes}", r"\textbf{yes}", r"\text{Yes, it is open.}"], [r"\text{No}"]),
        ("Who painted the ceiling?", "Ida Holm", [r"\text{Ida Holm}", "Ida~Holm", r"\text{It was painted by Ida Holm.}"], [r"\text{Leo Park}"]),
        ("When was it built?", "3 May 1921", [r"\text{May 3, 1921}", "1921-05-03"], [r"\text{May 4, 1921}"]),
    ],
)  # fmt: skip
def test_a_box_votes_as_its_words_do(question, plain, boxed, others):
    answer, (wanted, *found) = votes(question, plain, *(f"\\boxed{{{text}}}" for text in boxed))
    assert wanted is not None
    assert [text for text, v in zip(boxed, found, strict=True) if not answer.same(wanted, v)] == []
    _, different = votes(question, *(f"\\boxed{{{text}}}" for text in others))
    assert [v for v in different if any(answer.same(v, w) for w in (wanted, *found))] == []
    for value in (wanted, *found, *different):
        assert answer.same(answer.canonical(value), value)


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What is the smallest number of this kind?", [r"\boxed{2/8}", r"\boxed{\frac{1}{4}}", r"\boxed{0.25}"]),
        ("What is the largest number of this kind?", [r"\boxed{12,000}", r"\boxed{12000}", r"\boxed{12{,}000}"]),
        ("What are the solutions?", [r"\boxed{4 \text{ and } 9}", r"\boxed{9, 4}", r"\boxed{x = 4 \text{ or } x = 9}"]),
        ("What is the exact length?", [r"\boxed{5\sqrt{2}}", r"\boxed{5\sqrt{2}\text{ cm}}", r"\boxed{\sqrt{50}}"]),
        ("How many ways are there?", [r"\boxed{\binom{5}{2}}", r"\boxed{10}"]),
        ("How many seconds does it take?", [r"\boxed{30 \cdot 2}", r"\boxed{60}", r"\boxed{60\text{ s}}"]),
    ],
)  # fmt: skip
def test_notation_in_a_box_is_compared_by_value(question, texts):
    answer, found = votes(question, *texts)
    assert None not in found
    assert all(answer.same(found[0], value) for value in found)


@pytest.mark.parametrize(
    ("question", "first", "second"),
    [
        ("What is the interval?", r"\boxed{(4, 9]}", r"\boxed{[4, 9)}"),
        ("What is the pair?", r"\boxed{(\text{odd}, 3)}", r"\boxed{(3, \text{odd})}"),
        ("What is the difference?", r"\boxed{7 - a}", r"\boxed{7}"),
        ("What is the length?", r"\boxed{7a}", r"\boxed{7}"),
        ("How long is it?", r"\boxed{7\text{ cm}}", r"\boxed{7\text{ m}}"),
    ],
)
def test_other_notation_in_a_box_is_another_vote(question, first, second):
    answer, (one, other) = votes(question, first, second)
    assert not answer.same(one, other)


@pytest.mark.parametrize("text", ["7 - a", "7a", "7 * a", "a * 7", "7 a"])
def test_a_variable_is_no_article(text):
    answer, (found, seven) = votes("What is the sum?", text, "7")
    assert not answer.same(found, seven)


@pytest.mark.parametrize("bare", ["80", r"\boxed{80}"])
def test_an_amount_without_a_unit_is_one_with_any_and_two_units_differ(bare):
    answer, (bare, *found) = votes(
        "How fast was the train?", bare, "80 km/h", r"\boxed{80\text{ km/h}}", "80 mph", "81 km/h"
    )
    assert [answer.same(bare, value) for value in found] == [True, True, True, False]
    assert [answer.same(found[0], value) for value in found] == [True, True, False, False]


@pytest.mark.parametrize(
    "box", ["a_1", r"\sqrt{2}", "x=5", "2a+b", r"\frac{1}{2}", "(4, 9)", "4;9", "x" * 500]
)
def test_notation_is_not_taken_for_words(box):
    assert plain_box(box) is None
