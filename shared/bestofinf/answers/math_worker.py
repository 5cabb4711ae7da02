r"""Values of expressions, found in a process of its own. Run by `math_client`, not by users.

Reads one JSON list of LaTeX expressions a line and answers with one JSON list a line: for each
its value as a list of digit strings, or null where it has none. The parent has checked every
expression against `math_forms.is_tame`. CPU time and memory are limited here, where the system
offers limits; a request beyond them ends the process, and the parent starts another.

An expression without variables has one value. One with variables is evaluated at fixed points
that no simple coincidence fits, so that two expressions with the same values are the same
function: polynomial identity testing (Schwartz, 1980, doi:10.1145/322217.322225; Zippel, 1979).
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from typing import Any

DIGITS = 25
"""Significant digits that two values must share to be the same."""

VALUES_VERSION = 1
"""Counts changes of how values are found; part of the name of caches."""

WORKING_DIGITS = 60
MAX_DIGITS = 600
POINTS = 3
MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    """Serve requests until the input ends."""
    cpu_seconds = int(sys.argv[1])
    latex2sympy = _load()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        _limit(cpu_seconds)
        values = [_value(latex2sympy, text) for text in json.loads(line)]
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()


def _load() -> Any:
    from latex2sympy2_extended.latex2sympy2 import latex2sympy  # type: ignore[import-untyped]

    return latex2sympy


def _limit(cpu_seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + cpu_seconds
    for kind, limit in ((resource.RLIMIT_CPU, soft), (resource.RLIMIT_AS, MEMORY_BYTES)):
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
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
    symbols = sorted(expression.free_symbols, key=lambda symbol: str(symbol.name))
    imaginary = {s: sympy.I for s in symbols if s.name == "i"}
    names = [s for s in symbols if s not in imaginary]
    found = []
    for place in range(POINTS if names else 1):
        point = {s: _coordinate(s.name, place) for s in names} | imaginary
        digits = _digits(expression, point)
        if digits is None:
            return None
        found.append(digits)
    if len(set(found)) == 1:  # the variables cancel out
        return ["", found[0]]
    return [",".join(sorted(s.name for s in names)), *found]


def _coordinate(name: str, place: int) -> Any:
    """Return a rational coordinate in (-4, 4) for a variable, alike in every process."""
    import sympy

    seed = int.from_bytes(hashlib.sha256(f"{place}:{name}".encode()).digest()[:6], "big")
    size = sympy.Rational(seed, 2**48) * 3 + sympy.Rational(1, 3)
    return -size if place == 1 else size


def _digits(expression: Any, point: dict[Any, Any]) -> str | None:
    import sympy

    value = expression.subs(point) if point else expression
    number = value.evalf(WORKING_DIGITS, maxn=4 * WORKING_DIGITS)
    real, imaginary = number.as_real_imag()
    parts = []
    for part in (real, imaginary):
        if not isinstance(part, sympy.Number) or not part.is_finite:
            return None
        size = abs(part)
        if size >= sympy.Integer(10) ** (WORKING_DIGITS - DIGITS):
            part = (sympy.re if part == real else sympy.im)(value).evalf(MAX_DIGITS)
            if abs(part) >= sympy.Integer(10) ** (MAX_DIGITS - DIGITS):
                return None
        parts.append(rounded(str(part)))
    return parts[0] if parts[1] == "0" else f"{parts[0]}+{parts[1]}i"


def rounded(number: str) -> str:
    """Return the digits of a decimal number by which values are told apart.

    25 significant digits; of large numbers all digits before the point and 15 after it. What is
    below 1e-30 is zero.
    """
    from decimal import Context, Decimal

    value = Decimal(number)
    if abs(value) < Decimal("1e-30"):
        return "0"
    digits = max(DIGITS, value.adjusted() + 16)
    value = Context(prec=digits).plus(value).normalize(Context(prec=digits))
    return str(value)


if __name__ == "__main__":
    main()
