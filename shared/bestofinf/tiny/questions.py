"""Questions with known answers and every valid way to reach them.

Five families: three-term sums, two-digit products, word problems, clock and calendar, counting
letters. A solution is steps joined by "; ", then a line "The answer is 39.". Most questions have
several solutions that differ in the order of their steps, so that two right samples may differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Literal, TypeAlias

from bestofinf.errors import UsageError

Part: TypeAlias = Literal["training", "calibration", "test"]

NAMES = ("Tom", "Ana", "Max", "Eva", "Sam", "Mia", "Leo", "Zoe")
THINGS = ("apples", "pens", "books", "coins", "shells", "cards", "eggs", "nuts")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Problem:
    """One question.

    Attributes:
        family: One of `FAMILIES`.
        question: Its text, one line.
        answer: The right answer.
        solutions: Every solution text that counts as right, all different.
    """

    family: str
    question: str
    answer: str
    solutions: tuple[str, ...]

    def continuations(self, prefix: str) -> frozenset[str]:
        """Return the characters that keep a beginning of a solution right.

        The end of a solution is the empty text. Nothing keeps a wrong beginning right.

        >>> sorted(Problem("sum", "1 + 2?", "3", ("1+2=3", "2+1=3")).continuations(""))
        ['1', '2']
        """
        place = len(prefix)
        return frozenset(
            solution[place : place + 1]
            for solution in self.solutions
            if solution.startswith(prefix)
        )


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How a solver calculates: right, or with the slips of somebody in a hurry.

    Attributes:
        careful: False for slips that always fall the same way: carries are dropped, so sums are
            wrong in the same digit whatever the order of the steps; full hours are not carried
            over; the first day is counted; of two equal letters in a row one is seen.
    """

    careful: bool = True

    def add(self, a: int, b: int) -> int:
        """Return a + b."""
        return a + b if self.careful else _by_digit(a, b, lambda x, y: x + y)

    def subtract(self, a: int, b: int) -> int:
        """Return a - b, for a of at least b."""
        return a - b if self.careful else _by_digit(a, b, lambda x, y: x - y)

    def multiply(self, a: int, b: int) -> int:
        """Return a * b; a careless product keeps the carries of one-digit multiplication."""
        if self.careful or b < 10 or b % 10 == 0:
            return a * b
        return self.add(a * (b // 10 * 10), a * (b % 10))

    def later(self, minutes: int, delay: int) -> int:
        """Return the time `delay` minutes after `minutes`, both counted from midnight."""
        if self.careful or delay % 60 == 0:
            return (minutes + delay) % 1440
        hours, rest = divmod(minutes, 60)
        return hours * 60 + (rest + delay) % 60

    def days(self, start: int, count: int) -> tuple[str, ...]:
        """Return the days from `start` on that one names to go `count` days ahead."""
        return tuple(DAYS[(start + i) % 7] for i in range(max(1, count + self.careful)))

    def sees(self, word: str, place: int, letter: str) -> bool:
        """Return whether the letter at `place` is counted as `letter`."""
        twin = not self.careful and place > 0 and word[place - 1] == letter
        return word[place] == letter and not twin


CAREFUL = Reckoning()
CARELESS = Reckoning(careful=False)


def part_of(question: str) -> Part:
    """Return which part a question belongs to, by a hash of its text.

    One question in eight is for tests, one for calibration; neither is ever trained on.
    """
    bucket = zlib.crc32(question.encode()) % 8
    return "test" if bucket == 0 else "calibration" if bucket == 1 else "training"


def make(family: str, rng: Random, reckoning: Reckoning = CAREFUL) -> Problem:
    """Make a question of one family; the question depends on `rng` alone, not on the reckoning.

    With a careless reckoning the answer and the solutions are those of the careless solver.

    Raises:
        UsageError: If there is no such family.
    """
    try:
        maker = _MAKERS[family]
    except KeyError:
        raise UsageError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}") from None
    return maker(rng, reckoning)


def stream(
    seed: int, *, part: Part, mixture: Mapping[str, float] | None = None, careful: bool = True
) -> Iterator[Problem]:
    """Yield questions of one part without end; the same one may come twice.

    Args:
        seed: The same seed gives the same questions.
        part: See `part_of`.
        mixture: Relative frequency per family; even when None.
        careful: False yields the careless solver's answers and solutions.
    """
    rng = Random(seed)
    shares = mixture or dict.fromkeys(FAMILIES, 1.0)
    names, frequencies = list(shares), list(shares.values())
    reckoning = CAREFUL if careful else CARELESS
    while True:
        problem = make(rng.choices(names, frequencies)[0], rng, reckoning)
        if part_of(problem.question) == part:
            yield problem


def questions(n: int, *, seed: int = 0, part: Part = "test") -> tuple[Problem, ...]:
    """Return `n` different questions, as evenly spread over the families as chance has it."""
    found: dict[str, Problem] = {}
    for problem in stream(seed, part=part):
        if len(found) >= n:
            break
        found.setdefault(problem.question, problem)
    return tuple(found.values())


def answer_of(reply: str) -> str | None:
    """Return the answer that a reply ends with; None if it was cut off before."""
    _, mark, answer = reply.rpartition("\nThe answer is ")
    return answer[:-1] if mark and answer.endswith(".") and len(answer) > 1 else None


def _by_digit(a: int, b: int, operation: Callable[[int, int], int]) -> int:
    """Apply an operation to each pair of digits without carrying, as in arithmetic modulo 10."""
    total, place = 0, 1
    while a or b:
        total += operation(a % 10, b % 10) % 10 * place
        a, b, place = a // 10, b // 10, place * 10
    return total


def _problem(family: str, question: str, answer: object, paths: list[list[str]]) -> Problem:
    texts = ("; ".join(steps) + f"\nThe answer is {answer}." for steps in paths)
    return Problem(family, question, str(answer), tuple(dict.fromkeys(texts)))


def _running(reckoning: Reckoning, first: int, changes: Sequence[int]) -> list[str]:
    """Write the steps that add `changes` to `first` one after the other."""
    steps, total = [], first
    for change in changes:
        before = total
        if change >= 0:
            total = reckoning.add(total, change)
            steps.append(f"{before}+{change}={total}")
        else:
            total = reckoning.subtract(total, -change)
            steps.append(f"{before}-{-change}={total}")
    return steps


def _result(step: str) -> int:
    return int(step.rpartition("=")[2])


def _sum(rng: Random, reckoning: Reckoning) -> Problem:
    if rng.random() < 0.6:
        a, b, c = (rng.randint(11, 499) for _ in range(3))
        paths = [_running(reckoning, first, rest) for first, *rest in _orders(a, b, c)]
        question = f"What is {a} + {b} + {c}?"
    else:
        a, b, c = rng.randint(400, 999), rng.randint(11, 399), rng.randint(11, 299)
        paths = [_running(reckoning, a, (-b, c)), _running(reckoning, a, (c, -b))]
        question = f"What is {a} - {b} + {c}?"
    return _problem("sum", question, _result(paths[0][-1]), paths)


def _orders(*terms: int) -> list[tuple[int, ...]]:
    return list(permutations(terms))


def _product(rng: Random, reckoning: Reckoning) -> Problem:
    a, b = rng.randint(12, 99), rng.randint(12, 99)
    # The two splits agree only without slips; a careless solver keeps to the first.
    paths = []
    for x, y in ((a, b), (b, a)) if reckoning.careful else ((a, b),):
        tens, ones = x * (y // 10 * 10), x * (y % 10)
        parts = [f"{x}*{y // 10 * 10}={tens}", f"{x}*{y % 10}={ones}"]
        if ones == 0:
            paths.append(parts[:1])
            continue
        total = reckoning.add(tens, ones)
        paths.append([*parts, f"{tens}+{ones}={total}"])
        paths.append([*reversed(parts), f"{ones}+{tens}={total}"])
    return _problem("product", f"What is {a} * {b}?", _result(paths[0][-1]), paths)


def _word(rng: Random, reckoning: Reckoning) -> Problem:
    return rng.choice((_purchase, _shares, _boxes))(rng, reckoning)


def _purchase(rng: Random, reckoning: Reckoning) -> Problem:
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    a, b, c, d = rng.randint(20, 99), rng.randint(3, 9), rng.randint(4, 12), rng.randint(5, 19)
    bought = f"{b}*{c}={b * c}"
    gain_first = _running(reckoning, a, (b * c, -d))
    loss_first = _running(reckoning, a, (-d, b * c))
    return _problem(
        "word",
        f"{name} has {a} {things}, buys {b} bags of {c} and loses {d}. How many {things} now?",
        _result(gain_first[-1]),
        [[bought, *gain_first], [loss_first[0], bought, loss_first[1]]],
    )


def _shares(rng: Random, reckoning: Reckoning) -> Problem:
    name, other = rng.sample(NAMES, 2)
    things = rng.choice(THINGS)
    a, b, c = rng.randint(12, 60), rng.randint(2, 5), rng.randint(3, 30)
    theirs = reckoning.add(a * b, c)
    apart = [f"{a}*{b}={a * b}", f"{a * b}+{c}={theirs}", *_running(reckoning, a, (theirs,))]
    paths = [apart]
    if reckoning.careful:
        together = [f"{a}*{b + 1}={a * (b + 1)}", *_running(reckoning, a * (b + 1), (c,))]
        paths.append(together)
    return _problem(
        "word",
        f"{name} has {a} {things}. {other} has {b} times as many plus {c}. How many in all?",
        _result(apart[-1]),
        paths,
    )


def _boxes(rng: Random, reckoning: Reckoning) -> Problem:
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    b, p, c, d = rng.randint(3, 9), rng.randint(3, 12), rng.randint(2, 9), rng.randint(2, 9)
    first, second = f"{b}*{p}={b * p}", f"{c}*{d}={c * d}"
    total = reckoning.add(b * p, c * d)
    return _problem(
        "word",
        f"{name} sells {b} boxes of {p} {things} and {c} boxes of {d}. How many {things}?",
        total,
        [
            [first, second, f"{b * p}+{c * d}={total}"],
            [second, first, f"{c * d}+{b * p}={total}"],
        ],
    )


def _clock(rng: Random, reckoning: Reckoning) -> Problem:
    return (_time if rng.random() < 0.6 else _weekday)(rng, reckoning)


def _time(rng: Random, reckoning: Reckoning) -> Problem:
    start, delay = rng.randint(0, 23) * 60 + rng.randint(0, 59), rng.randint(70, 600)
    hours, minutes = divmod(delay, 60)
    paths = []
    for first, second in ((hours * 60, minutes), (minutes, hours * 60)):
        between = reckoning.later(start, first)
        end = reckoning.later(between, second)
        paths.append(
            [
                f"{delay}={hours}h+{minutes}",
                f"{_hhmm(start)}+{_delay(first)}={_hhmm(between)}",
                f"{_hhmm(between)}+{_delay(second)}={_hhmm(end)}",
            ]
        )
    return _problem(
        "clock", f"What time is it {delay} minutes after {_hhmm(start)}?", _hhmm(end), paths
    )


def _hhmm(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _delay(minutes: int) -> str:
    return f"{minutes // 60}h" if minutes >= 60 else str(minutes)


def _weekday(rng: Random, reckoning: Reckoning) -> Problem:
    start, ahead = rng.randrange(7), rng.randint(15, 299)
    weeks, rest = divmod(ahead, 7)
    days = reckoning.days(start, rest)
    return _problem(
        "clock",
        f"Which day is {ahead} days after {DAYS[start]}?",
        days[-1],
        [[f"{weeks}*7={weeks * 7}", f"{ahead}-{weeks * 7}={rest}", " ".join(days)]],
    )


def _count(rng: Random, reckoning: Reckoning) -> Problem:
    letter = rng.choice("abcde")
    word = "".join(rng.choice("abcde" + letter) for _ in range(rng.randint(9, 16)))
    seen, each, groups = 0, "", ""
    for place, character in enumerate(word):
        hit = reckoning.sees(word, place, letter)
        seen += hit
        each += f"{character}{seen}" if hit else character
        groups += character
        if place % 3 == 2 or place == len(word) - 1:
            groups += str(seen)
    return _problem("count", f"How many {letter} are in {word}?", seen, [[each], [groups]])


_MAKERS: Mapping[str, Callable[[Random, Reckoning], Problem]] = {
    "sum": _sum,
    "product": _product,
    "word": _word,
    "clock": _clock,
    "count": _count,
}
FAMILIES = tuple(_MAKERS)
"""Names of the families of questions."""
