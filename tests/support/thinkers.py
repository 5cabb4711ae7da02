"""Replies of reasoning models whose server hands their thoughts out as text."""

THINKING = (
    "<think>\n{0}? So the answer is {0}. I would say \\boxed{{{0}}}. Wait: {0} breaks a rule.\n"
    "</think>\n\n{1}"
)
SAID = {
    **dict.fromkeys(("auto", "text", "choice"), ("A", "B", "C")),
    **dict.fromkeys(("number", "math"), ("5", "7", "8")),
    "boxed": ("5", r"\boxed{7}", r"\boxed{8}"),
    "json": ('{"x": 5}', '{"x": 7}', '{"x": 8}'),
    "tool-calls": tuple(f'[{{"name": "f", "args": {{"x": {x}}}}}]' for x in (5, 7, 8)),
}
"""By the name of an answer type: what is only thought of, what is answered, and another answer."""


def five_replies(name: str) -> list[str]:
    """Return five replies that all think of one thing, of which four answer another."""
    thought, answer, other = SAID[name]
    return [THINKING.format(thought, said) for said in (answer, answer, other, answer, answer)]
