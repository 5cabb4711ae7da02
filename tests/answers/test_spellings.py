"""Every spelling of one value is one vote, and no spelling of another is."""

from itertools import combinations

import pytest

from bestofinf.answers import resolve_answer
from bestofinf.records import Reply

MATH = {
    "three": ["3", "3.0", r"\boxed{3}", "The answer is 3.", "So it is 3.", "6/2", "Antwort: 3", "答案是3。", r"\frac{6}{2}"],
    "minus three": ["-3", "−3", r"\boxed{-3}", "The answer is -3."],
    "not three": ["x != 3", r"x\neq 3", "x ≠ 3"],
    "more than three": ["x > 3", r"x\gt 3", "-x < -3", r"(3,\infty)", "3 < x"],
    "at least three": ["x >= 3", r"x \geq 3", "x ≥ 3", "-x <= -3", r"[3,\infty)"],
    "below three": ["x < 3", "3 > x", "-x > -3", r"(-\infty,3)"],
    "three million": ["3000000", "3,000,000", "3 000 000", "3.000.000", r"3\times 10^6", r"3{,}000{,}000"],
    "three thousand": ["3000", "3,000", "3 000", "3'000", r"3,\! 000", "3e3"],
    "three and a bit": ["3.14", "3,14", r"\boxed{3.14}"],
    "three and fourteen": [r"\boxed{3, 14}", "3 and 14", r"\boxed{3} and \boxed{14}", r"\{14, 3\}"],
    "fourteen": ["14", r"\boxed{14}", "Thus the total is 14."],
    "a half": ["1/2", "0.5", r"\frac12", "½", r"\frac{1}{2}", ".5", "50%", r"\frac1{2}"],
    "root of three": [r"\sqrt3", "sqrt(3)", "√3", "3^(1/2)", "3**(1/2)", r"3^{1/2}", r"\frac{3}{\sqrt3}"],
    "root of three less one": ["sqrt(3) - 1", r"-1+\sqrt{3}", "√3 − 1", r"\boxed{\sqrt{3}-1}"],
    "root of two": ["sqrt(2)", "√2", r"\frac{2}{\sqrt{2}}"],
    "cube root of three": [r"\sqrt[3]{3}", "cbrt(3)", "∛3", "3^(1/3)"],
    "pi over six": ["pi/6", "π/6", r"\frac{\pi}{6}", r"\frac16\pi"],
    "pi over three": ["pi/3", "π/3", r"\frac{2\pi}{6}"],
    "a quarter below zero": ["0,25", "0.25", "¼", "1/4"],
    "twenty-five": ["25", "025", r"\boxed{25}"],
    "a cube": ["x^3", "x³", "x**3", r"x^{3}"],
    "a square": ["x^2", "x²", "x*x"],
    "an index": ["x_2", r"x_{2}", "x₂"],
    "roots": [r"x=2 \text{ or } x=5", r"\boxed{x=2} or \boxed{x=5}", "x = 5, x = 2", "x=2,5"],
    "a point": ["(2,5)", r"\boxed{(2, 5)}", r"(x,y)=(2,5)", "The point is $(2,5)$."],
    "another point": ["(5,2)", r"\left(5, 2\right)"],
    "two points": ["(2,5), (5,2)", r"\boxed{(5,2)} and \boxed{(2,5)}", "(2,5) or (5,2)", "x=2,y=5;x=5,y=2"],
    "a closed interval": ["[2,5]", r"2\le x\le 5", "2 <= x <= 5"],
    "an equation": ["2x+3y=6", "6 = 2x + 3y", "4x+6y=12", "y=2-2x/3"],
    "its left": ["2x+3y", "3y + 2x"],
    "its right": ["6", "5+1=6", r"\boxed{6}"],
    "lengths": ["AB=6, CD=8", r"CD=8, AB=6"],
    "lengths turned": ["AB=8, CD=6"],
    "six metres": [r"6\text{ m}^2", r"6\text{ m}^{2}"],
    "infinity": ["inf", r"\infty", "∞", "infinity"],
    "words": ["no solution", r"\text{no solution}", "No solution."],
}  # fmt: skip
AGREE = {frozenset(pair) for pair in (("its right", "six metres"),)}
"""A value without a unit agrees with the same with one."""


def forms(kind, table):
    found = {}
    for value, spellings in table.items():
        for text in spellings:
            vote, note = kind.vote(Reply(text=text))
            assert vote is not None, (text, note)
            found[text] = (value, vote)
    return found


@pytest.mark.parametrize("name", ["math", "auto"])
def test_spellings_of_different_values_are_never_one_vote(name):
    kind = resolve_answer(name)
    found = forms(kind, MATH)
    for (first, (one, a)), (second, (other, b)) in combinations(found.items(), 2):
        if one != other and frozenset((one, other)) not in AGREE:
            assert not kind.same(a, b), (first, second)


def test_spellings_of_one_value_are_one_vote():
    kind = resolve_answer("math")
    found = forms(kind, MATH)
    missed = [
        (first, second)
        for (first, (one, a)), (second, (other, b)) in combinations(found.items(), 2)
        if one == other and not kind.same(a, b)
    ]
    assert missed == []


NUMBERS = {
    "12": [
        "12",
        "12.0",
        "The sum is 12.",
        "#### 12",
        "Antwort: 12",
        "7 + 5 = 12",
        "12 apples",
        "x = 12",
    ],
    "12.5": ["12.5", "12,5", "La somme est 12,5.", "12½", "25/2", r"\boxed{12.5}"],
    "125": ["125", "Ответ: 125", "There are 125 left."],
    "1250": ["1250", "1,250", "1 250", "1'250", "1.25e3", "1,250.00"],
    "1250000": ["1.250.000", "1.25 million", "1 250 000"],
    "12 km": ["12 km", "12 kilometers", "It is 12 km.", "12,0 km"],
    "12 m": ["12 m", "12 meters"],
    "12 %": ["12%", "12 percent"],
    "-12": ["-12", "−12", "‑12"],
}


def test_spellings_of_one_number_are_one_vote_and_of_others_are_not():
    kind = resolve_answer("number")
    found = forms(kind, NUMBERS)
    for (first, (one, a)), (second, (other, b)) in combinations(found.items(), 2):
        bare = {one, other} & {"12"} and {one.split()[0], other.split()[0]} == {"12"}
        assert kind.same(a, b) == (one == other or bool(bare)), (first, second)
