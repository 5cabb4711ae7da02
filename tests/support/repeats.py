"""Texts that make an expression repeat itself, made from the expression's own grammar.

An expression is slow on a text where two of its repeats can share the same characters, or where a
search begins the same repeat at every place. Both show when a part that repeats is written out many
times, after what comes before it, with an end that does not fit.
"""

from __future__ import annotations

import ast
import math
import re
import re._constants as ops
import re._parser as parser
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
MANY = 64  # a repeat of at most this often cannot cost much
POOL = [*map(chr, range(32, 127)), "\n", "\t", "\u00a0", "\u2009", "½", "−", "€", "°", "é", "1"]
ENDS = ("", "\x00", "}")
ANCHORED = frozenset({"match", "fullmatch"})
STEP = 4
STEADY = 128
SIZES = (16, 20, 24, 32, 128, 512, 2_048, 8_192)  # the small ones for what is exponential
TRIES = 5
LIMIT = 2.5  # times longer for twice the input
SURE = 3.0  # the same, beyond what a busy machine adds
NOTABLE = 0.002  # seconds: in a search of 8,192 characters, a quarter of a microsecond for each


def attacks(pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Yield what to write before, many times, and after."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE & ~re.LOCALE)
    letters = list(_representatives(tree))
    seen = set()
    for before, body in [("", ""), *_repeats(tree, letters)]:
        single = {body} - {""} | set(letters)
        bodies = single | {before + letter for letter in single}
        bodies |= {a + b for a in ({body} - {""}) for b in letters}
        for many in bodies:
            for end in ENDS:
                if many and (before, many, end) not in seen:
                    seen.add((before, many, end))
                    yield before, many, end


def _representatives(tree: Iterable[object]) -> Iterator[str]:
    """Yield one character for each way of fitting the classes and literals of an expression."""
    kinds = [re.compile(kind, re.DOTALL) for kind in sorted(set(_classes(tree)))]
    known = set()
    for letter in POOL:
        fits = tuple(kind.fullmatch(letter) is not None for kind in kinds)
        if fits not in known:
            known.add(fits)
            yield letter


def _classes(tree: Iterable[object]) -> Iterator[str]:
    for op, value in tree:  # type: ignore[misc]
        if op is ops.LITERAL:
            yield re.escape(chr(value))
        elif op is ops.IN:
            yield _class(value)
        elif op is not ops.CATEGORY and op is not ops.AT:
            for part in _parts(op, value):
                yield from _classes(part)


def _class(items: Iterable[tuple[object, object]]) -> str:
    written = ""
    for op, value in items:
        if op is ops.NEGATE:
            written += "^"
        elif op is ops.LITERAL:
            written += re.escape(chr(value))
        elif op is ops.RANGE:
            written += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        else:
            written += _CATEGORIES[value]
    return f"[{written}]"


_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}


def _parts(op: object, value: object) -> list[Iterable[object]]:
    """Return the expressions within one."""
    if op in REPEATS:
        return [value[2]]
    if op is ops.SUBPATTERN:
        return [value[-1]]
    if op is ops.BRANCH:
        return list(value[1])
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [value[1]]
    if op is ops.ATOMIC_GROUP:
        return [value]
    return []


def _repeats(tree: Iterable[object], letters: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each unbounded repeat: a text that fits all before it, and one that it repeats."""
    before = ""
    for op, value in tree:  # type: ignore[misc]
        if op in REPEATS and value[1] > MANY:
            yield before, _fitting(value[2], letters)
        for part in _parts(op, value):
            for inner, body in _repeats(part, letters):
                yield before + inner, body
        before += _fitting([(op, value)], letters)


def _fitting(tree: Iterable[object], letters: list[str]) -> str:
    """Return a short text that fits an expression, but for its assertions."""
    text = ""
    for op, value in tree:  # type: ignore[misc]
        if op is ops.LITERAL:
            text += chr(value)
        elif op is ops.IN:
            kind = re.compile(_class(value))
            text += next((letter for letter in letters if kind.fullmatch(letter)), "")
        elif op in (ops.ANY, ops.NOT_LITERAL):
            text += "x"
        elif op in REPEATS:
            text += _fitting(value[2], letters) * value[0]
        elif op not in (ops.ASSERT, ops.ASSERT_NOT):
            text += next((_fitting(part, letters) for part in _parts(op, value)), "")
    return text


def growth(
    search: Callable[[str], object], texts: Iterable[tuple[str, str, str]]
) -> tuple[float, tuple[str, str, str] | None]:
    """Return by how much a doubling of the input multiplies the time at worst, and with what.

    Times are CPU times of this thread, the least of five, of the first size that takes long enough
    to be measured and of four times that; measured again where that looks a little too long, as a
    busy machine slows some measurements down. What is quick at the largest size is not looked at
    further.
    """
    worst: tuple[float, tuple[str, str, str] | None] = (0.0, None)
    for text in texts:
        size = next((n for n in SIZES if _takes_notably_long(search, _long(text, n))), None)
        if size is None:
            continue
        if size < STEADY:  # not to be waited for: a few characters more take for ever
            return math.inf, text
        factor = math.inf
        for _ in range(TRIES):
            least = [
                min(_seconds(search, _long(text, n)) for _ in range(5)) for n in (size, STEP * size)
            ]
            factor = min(factor, (least[1] / least[0]) ** (1 / math.log2(STEP)))
            if factor < LIMIT or factor > SURE:
                break
        worst = max(worst, (factor, text))
        if worst[0] >= LIMIT:
            break
    return worst


def _takes_notably_long(search: Callable[[str], object], text: str) -> bool:
    """Return whether a search is slow each time: the collector of garbage may come into one."""
    return all(_seconds(search, text) > NOTABLE for _ in range(TRIES))


def _long(text: tuple[str, str, str], size: int) -> str:
    before, many, end = text
    return before + many * (size // len(many)) + end


def searched(pattern: re.Pattern[str]) -> Callable[[str], object]:
    """Return the search for all places where an expression fits."""
    return lambda text: [None for _ in pattern.finditer(text)]


def _seconds(search: Callable[[str], object], text: str) -> float:
    begun = time.thread_time()
    search(text)
    return time.thread_time() - begun


def expressions(module: ModuleType) -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Yield the expressions of a module: a name, the expression, and whether it is only matched.

    Those of its own level, alone or in tuples and mappings, and those written out where they are
    used. One that is only used to match at one place need not be quick in a search.
    """
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    used = _methods(tree)
    for name, value in vars(module).items():
        for one in _patterns(value):
            if isinstance(one.pattern, str):
                ways = used.get(name, set()) | _elsewhere(module, name)
                yield name, one, bool(ways) and ways <= ANCHORED
    top = {id(node) for statement in tree.body for node in _at_once(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_re(node.func):
            way, written = node.func.attr, node.args[0]  # type: ignore[attr-defined]
            if isinstance(written, ast.Name):
                written = ast.Constant(vars(module).get(written.id))
            if id(node) in top and way == "compile":
                continue
            if isinstance(written, ast.Constant) and isinstance(written.value, str):
                yield f"line {node.lineno}", re.compile(written.value), way in ANCHORED
            elif module.__name__ not in MADE_LATER:
                raise AssertionError(f"{module.__name__}:{node.lineno}: compile it at the top")
    if make := MADE_LATER.get(module.__name__):
        for pattern in make(module):
            yield "made later", pattern, False


MADE_LATER: dict[str, Callable[[Any], list[re.Pattern[str]]]] = {
    "bestofinf.answers.thoughts": lambda module: [module._pattern(module.THOUGHTS)],
    "bestofinf.answers.finding": lambda module: [
        module._mark(code) for code in sorted({code for _, code in module._NOUNS})
    ],
    "bestofinf.evaluation.logs.options": lambda module: [],  # the user's own
    "bestofinf.answers.wording.names": lambda module: [module._as_written(["AT", "&", "T"])],
    "bestofinf.answers.sql.sqlite": lambda module: [
        re.compile(part) for part in module._parts("a%b_c%d", "%", "_", None)
    ],
    "bestofinf.answers.choices": lambda module: [module._mention(("A", "B", "new york", "纽约"))],
    "bestofinf.answers.sentences": lambda module: [
        make(code) for code in module._SO for make in (module._conclusion, module._guard)
    ],
}
"""Expressions that functions make, when they are first needed or of what a user gives."""


def _patterns(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _patterns(part)
    elif isinstance(value, dict):
        yield from _patterns(list(value.values()))


def _at_once(statement: ast.stmt) -> Iterator[ast.AST]:
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield from ast.walk(statement)


def _is_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr not in ("escape", "purge")
    )


def _elsewhere(module: ModuleType, name: str) -> set[str]:
    """Return the methods that other modules of its package use of a public expression."""
    if name.startswith("_"):
        return set()
    ways: set[str] = set()
    for path in Path(module.__file__ or "").parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if name in text and path != Path(module.__file__ or ""):
            tree = ast.parse(text)
            taken = any(
                isinstance(node, ast.ImportFrom)
                and node.module == module.__name__
                and any(alias.name == name for alias in node.names)
                for node in ast.walk(tree)
            )
            ways |= _methods(tree).get(name, set()) if taken else set()
    return ways


def _methods(tree: ast.AST) -> dict[str, set[str]]:
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    return used
