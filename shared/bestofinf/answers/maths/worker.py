r"""Values of expressions, found in a process of its own. Run by `client`, not by users.

Reads one JSON list of LaTeX expressions a line and answers with one JSON list a line: for each
its value as a list of digit strings, or null where it has none. The parent has checked every
expression against `math_tame.is_tame`. CPU time and memory are limited here, where the system
offers limits; a request beyond them ends the process, and the parent starts another.

An expression without variables has one value. One with variables is evaluated at fixed points
that no simple coincidence fits, so that two expressions with the same values are the same
function: polynomial identity testing (Schwartz, 1980, doi:10.1145/322217.322225; Zippel, 1979).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sys
from typing import Any

DIGITS = 25
"""Significant digits that two values must share to be the same."""

VALUES_VERSION = 2
"""Counts changes of how values are found; part of the name of caches."""

SPARE_DIGITS = 35
MAX_DIGITS = 600
MAX_SIZE = 1_000
"""Decimal digits that the numbers in an expression may have, powers and factorials worked out."""

RANGES = ((0.1, 0.9), (-3.5, -1.2), (1.2, 3.5), (-0.9, -0.1), (0.2, 3.0), (-3.0, -0.2))
"""Where the coordinates of the points lie: of either sign, below and above one in size."""

MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    """Serve requests until the input ends."""
    cpu_seconds = int(sys.argv[1])
    replies, sys.stdout = sys.stdout, sys.stderr  # a stray print must not be taken for a reply
    latex2sympy = _load()
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        _limit(cpu_seconds)
        values = [_value(latex2sympy, text) for text in json.loads(line)]
        print(json.dumps(values), file=replies, flush=True)


def _load() -> Any:
    from latex2sympy2_extended.latex2sympy2 import latex2sympy  # type: ignore[import-untyped]

    return latex2sympy


def _limit(cpu_seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + cpu_seconds
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(ValueError, OSError):  # not every system offers every limit
            resource.setrlimit(kind, (allowed, hard))


def _value(latex2sympy: Any, text: str) -> list[str] | None:
    try:
        expression = latex2sympy(
            text, is_real=True, convert_degrees=False, normalization_config=None
        )
        return values_of(expression)
    except Exception:
        # Whatever the parser or sympy stumbles over: the expression stays a plain string.
        return None


def values_of(expression: Any) -> list[str] | None:
    """Return the digits of an expression's value, or of its values at the points."""
    import sympy  # type: ignore[import-untyped]

    if not isinstance(expression, sympy.Expr) or expression.has(
        sympy.core.function.AppliedUndef, sympy.Integral, sympy.Derivative, sympy.Limit
    ):
        return None
    if (size := _size(expression)) > MAX_SIZE:
        return None
    symbols = sorted(expression.free_symbols, key=lambda symbol: str(symbol.name))
    imaginary = {s: sympy.I for s in symbols if s.name == "i"}
    names = [s for s in symbols if s not in imaginary]
    found = []
    for place in range(len(RANGES) if names else 1):
        point = {s: _coordinate(s.name, place) for s in names} | imaginary
        digits = _digits(expression.subs(point) if point else expression, size)
        if digits is None:
            return None
        found.append(digits)
    if len(set(found)) == 1:  # the variables cancel out
        return ["", found[0]]
    return [",".join(sorted(s.name for s in names)), *found]


def _size(expression: Any) -> int:
    """Return how many digits two values made of such numbers may share and still differ."""
    import sympy

    size = 0.0
    for part in sympy.preorder_traversal(expression):
        if isinstance(part, sympy.Pow) and part.exp.is_Integer:
            base = abs(float(part.base)) if part.base.is_Rational else 10.0
            size += abs(int(part.exp)) * abs(math.log10(base or 1.0))
        elif isinstance(part, sympy.Rational):
            size += math.log10(abs(part.p) + 1) + math.log10(part.q)
        elif isinstance(part, sympy.factorial | sympy.binomial):
            largest = max((abs(float(a)) for a in part.args if a.is_number), default=0.0)
            size += largest * math.log10(largest + 1)
    return math.ceil(size)


def _coordinate(name: str, place: int) -> Any:
    """Return a rational coordinate for a variable, alike in every process."""
    import sympy

    seed = hashlib.sha256(name.encode()).digest()
    low, high = RANGES[(place + seed[0]) % len(RANGES)]
    share = int.from_bytes(hashlib.sha256(f"{place}:{name}".encode()).digest()[:6], "big")
    return sympy.Rational(str(low)) + sympy.Rational(share, 2**48) * sympy.Rational(str(high - low))


def _digits(value: Any, size: int) -> str | None:
    import sympy

    precision = DIGITS + SPARE_DIGITS + size
    real, imaginary = value.evalf(precision, maxn=4 * precision).as_real_imag()
    parts = []
    for part in (real, imaginary):
        if not isinstance(part, sympy.Number) or not part.is_finite:
            return None
        if part and sympy.log(abs(part), 10).evalf() > MAX_DIGITS - DIGITS:
            return None
        parts.append(told_apart(str(part), size))
    return parts[0] if parts[1] == "0" else f"{parts[0]}+{parts[1]}i"


def told_apart(number: str, size: int) -> str:
    """Return the digits of a value; all of them where it is very near to a shorter number.

    So 1 + 2^(-333) is not 1.
    """
    from decimal import Context, Decimal

    value = Decimal(number)
    if value == 0 or value.adjusted() < -(DIGITS + size + 10):
        return "0"
    short = rounded(number)
    exact = Context(prec=DIGITS + SPARE_DIGITS + size)
    gap = exact.subtract(value, Decimal(short))
    if gap == 0 or gap.adjusted() > value.adjusted() - DIGITS - 10:
        return short
    if gap.adjusted() < value.adjusted() - DIGITS - 10 - size:
        return short
    return str(value)


def rounded(number: str) -> str:
    """Return the digits of a decimal number by which values are told apart.

    25 significant digits; of large numbers all digits before the point and 15 after it.
    """
    from decimal import Context, Decimal

    value = Decimal(number)
    digits = max(DIGITS, value.adjusted() + 16)
    value = Context(prec=digits).plus(value).normalize(Context(prec=digits))
    return str(value)


if __name__ == "__main__":
    main()
