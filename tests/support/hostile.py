"""Replies made to hurt, and a maker of random ones."""

import random

from bestofinf.records import Reply, ToolCall

MANY = 10_000_000

HOSTILE = {
    "ten megabytes of a": "a" * MANY,
    "ten megabytes of spaces": " " * MANY,
    "ten megabytes of newlines": "\n" * MANY,
    "ten megabytes of digits": "7" * MANY,
    "ten megabytes of answer is": "the answer is " * (MANY // 14),
    "ten megabytes of answer:": "answer:\n" * (MANY // 8),
    "ten megabytes of open boxes": r"\boxed{" * (MANY // 7),
    "ten megabytes of boxes": r"\boxed{1} " * (MANY // 10),
    "ten megabytes of JSON": '{"a":[' + "1," * (MANY // 2) + "1]}",
    "ten megabytes of fences": "```json\n" * (MANY // 8),
    "ten megabytes of hashes": "#" * MANY,
    "ten megabytes of braces": "{" * MANY + "}" * 10,
    "ten megabytes of actions": "Action: x\n" * (MANY // 10),
    "nested brackets": "[" * 10_000 + "]" * 10_000,
    "nested braces in a box": r"\boxed{" + "{" * 10_000 + "}" * 10_000 + "}",
    "nested short braces in a box": r"\boxed{" + "{" * 150 + "1" + "}" * 150 + "}",
    "nested parentheses in a box": r"\boxed{" + "(" * 190 + "1" + ")" * 190 + "}",
    "nested objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "nested fractions": r"\boxed{" + r"\frac{1}{" * 40 + "2" + "}" * 40 + "}",
    "tower of powers": "The answer is 10**10**10",
    "tower of powers in LaTeX": r"\boxed{10^{10^{10^{10}}}}",
    "tower of powers without braces": r"\boxed{9^9^9^9^9}",
    "chain of powers": r"\boxed{((((9^{999})^{99})^{99})^{99})^{99}}",
    "powers of parentheses": r"\boxed{(((9^{99})^{99})^{99})}",
    "powers of fractions": r"\boxed{\frac{9^{999}}{7^{999}}^{99}}",
    "factorials": r"\boxed{999!!!!!!}",
    "nested factorials": r"\boxed{((999!)!)!}",
    "factorial in a power": r"\boxed{2^{999!}}",
    "binomial": r"\boxed{\binom{999999999}{499999999}}",
    "long exponent": "1e999999999",
    "long exponent in JSON": '{"a": 1e999999999}',
    "huge integer in JSON": '{"a": ' + "9" * 100_000 + "}",
    "huge sum": r"\boxed{\sum_{k=1}^{10^{99}} \frac{1}{k}}",
    "integral": r"\boxed{\int_0^1 \int_0^1 \int_0^1 e^{e^{xyz}} dx dy dz}",
    "many roots": r"\boxed{" + r"\sqrt{1+" * 30 + "1" + "}" * 30 + "}",
    "many sines": r"\boxed{" + r"\sin(" * 10 + "x" + ")" * 10 + "}",
    "long sum": r"\boxed{" + "+".join(f"x_{i % 10}^{i % 10}" for i in range(60)) + "}",
    "long product": r"\boxed{" + "".join(f"(x+{i})" for i in range(60)) + "}",
    "big power of a sum": r"\boxed{(a+b+c+x+y+z+1)^{99}}",
    "many expansions": r"\boxed{" + r"\pm 1 " * 100 + "}",
    "macro bomb": r"\def\a{\b\b\b\b}\def\b{\c\c\c\c}\def\c{xxxx}\boxed{\a\a\a\a}",
    "unpaired surrogates": "The answer is \ud800\udfff\ud800",
    "unpaired surrogates in JSON": '{"a": "\\ud800"}',
    "NUL characters": "The answer is \x00\x00 5 \x00",
    "NaN": '{"a": NaN}',
    "infinity": '{"a": [Infinity, -Infinity]}',
    "number NaN": "nan",
    "number infinity": "the answer is inf",
    "duplicate keys": '{"a": 1, "a": 2}',
    "import": "__import__('os').system('touch /tmp/executed')",
    "import in a box": r"\boxed{__import__('os').system('touch /tmp/executed')}",
    "import in an answer": "The answer is exec(\"open('/tmp/executed','w')\")",
    "lambda": r"\boxed{(\lambda x. x x)(\lambda x. x x)}",
    "relations without end": r"\boxed{a==b}",
    "many relations": r"\boxed{" + "<".join("x" * 150) + "}",
    "many equations": r"\boxed{" + ",".join(f"x_{i}=1" for i in range(60)) + "}",
    "matrix": r"\boxed{\begin{pmatrix}" + r"1&" * 100 + r"\\" * 100 + r"\end{pmatrix}}",
    "spaces between digits": "the answer is " + "1 " * 9_000,
    "commas": "#### " + ",".join("1" * 9_000),
    "signs": "answer: " + "+-" * 5_000,
    "stars": "*" * 20_000 + "answer" + "*" * 20_000 + ":" + "*" * 20_000,
    "quotes": '"' * 20_000,
    "hedges": "The answer is " + "probably " * 2_000,
    "dots": "The answer is " + ". " * 5_000,
    "becauses": "answer is x " + "because " * 5_000,
    "text commands": r"\boxed{" + r"\text{a}" * 300 + "}",
    "dollars": "$" * 15_000,
    "zero width": "\u200b" * 15_000,
    "combining marks": "e" + "\u0301" * 15_000,
    "right to left": "The answer is \u202e54321",
    "long word": "The answer is " + "x" * 590,
    "thin spaces": "1" + "\\,000" * 3_000,
}

CALLS = {
    "nan argument": Reply(tool_calls=(ToolCall("f", {"x": float("nan")}),)),
    "object argument": Reply(tool_calls=(ToolCall("f", {"x": object()}),)),
    "key that is no text": Reply(tool_calls=(ToolCall("f", {"x": {1: 2}}),)),
    "many calls": Reply(tool_calls=tuple(ToolCall("f", {"x": i}) for i in range(2_000))),
    "surrogate": Reply(tool_calls=(ToolCall("f\ud800", {"\udfff": "\ud800"}),)),
}

_PIECES = [
    *[r"\boxed{", "}", "{", "(", ")", "[", "]", r"\frac", r"\sqrt", "^", "_", r"\text{", r"\left("],
    *["1", "23", "0.5", "-", "+", "=", "<", r"\le ", ",", ";", " and ", " or ", "x", "y", "AB"],
    *[r"\pi", r"\infty", r"\cup", r"\pm", r"\circ", "%", "$", "€", "!", "|", "\\", "\\\\", "&"],
    *["the answer is ", "Answer: ", "#### ", "\n", ". ", "**", '"', "'", "```json\n", "```", ":"],
    *['{"a": ', "true", "null", "[1, 2]", "Action: f\n", "Action Input: ", "cm", " km", "apples"],
    *[r"\begin{pmatrix}", r"\end{pmatrix}", "\ud800", "\x00", "é", "²", "１", "−", "½", "∞", "𝟙"],
    *["(A)", "B.", "C) ", "January 5, 2024", "2024-01-05", "1e9", "1,234", "not ", "because "],
]


def random_reply(rng: random.Random) -> str:
    """Return a reply put together at random from what the readers look for."""
    return "".join(rng.choices(_PIECES, k=rng.randint(0, 14)))
