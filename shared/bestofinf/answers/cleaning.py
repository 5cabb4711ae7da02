"""Removes from a reply what is no part of its answer, before any answer type reads it.

Thoughts that a server left in the text, tokens of chat templates, invisible characters, and a
code fence around the whole. `Answer.vote` does it once for every reply, so live and recorded
replies vote alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from bestofinf.answers.thoughts import THOUGHTS, outside_thoughts
from bestofinf.records import Reply

WINDOW = 200_000
"""Tokens of chat templates are looked for in this many characters at either end of a reply."""

# What may stand before the member's own words.
_START = re.compile(
    r"\s{0,99}(?:<\|(?:im_start|start)\|>(?!\s*(?:user|system|tool)\b)(?:assistant\b)?|assistant\r?\n"
    r"|<\|start_header_id\|>\s*+(?:assistant\s*+)?<\|end_header_id\|>|<start_of_turn>(?:model\b)?"
    r"|<\|(?:assistant|begin_of_text|startoftext|begin_of_solution|START_RESPONSE|START_OF_TURN_TOKEN"
    r"|CHATBOT_TOKEN|im_sep|im_end|eot_id|endoftext|end)\|>|<(?:bos|end_of_turn)>|</?s>|\[/INST\]"
    r"|<[|｜](?:begin▁of▁sentence|Assistant)[|｜]>)"
)
# After the first of these another turn begins, which the member made up.
_END = re.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|start_header_id|endoftext|end_of_text|end|start|return|eos"
    r"|end_of_solution|END_RESPONSE|END_OF_TURN_TOKEN|user|system|assistant)\|>"
    r"|<(?:end_of_turn|start_of_turn|eos|pad)>|<[|｜](?:end▁of▁sentence|User)[|｜]>|\[INST\]"
    r"|</s>(?=\s*(?:$|<s>|\[INST\]))|(?<=[^\s\w])assistant\r?\n\r?\n"
)
_END_SIGNS = ("<|", "<｜", "_turn>", "<eos>", "<pad>", "</s>", "[INST]", "assistant\n")
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202c\u2066-\u2069\u20e3\u2060-\u2064\ufeff\ufe0e\ufe0f\u061c\u180e]"
)
# Fences that name a programming language, or hold an object, are left to who reads such things.
_FENCE = re.compile(
    r"(`{3,9}|~{3,9})[ \t]*+(?:(?:text|txt|plaintext|plain|markdown|md|latex|tex|math)[ \t]*)?\r?\n"
    r"(?!\s*[\[{])(.*)\n[ \t]*\1",
    re.DOTALL | re.I,
)


def cleaned(reply: Reply, *, thoughts: Iterable[str] = THOUGHTS) -> Reply | None:
    """Return the reply as answer types read it; the same object where nothing is removed.

    None where the text ends within a thought: then nothing in it is an answer. Tool calls and a
    parsed object are kept, in that case with an empty text beside them.
    """
    text, closed = outside_thoughts(reply.text, thoughts)
    if not closed:
        if not reply.tool_calls and reply.parsed is None:
            return None
        text = ""
    text = _without_fence(_one_turn(_visible(text)))
    return reply if text == reply.text else replace(reply, text=text)


def _visible(text: str) -> str:
    """Return the text without characters that nobody sees."""
    return text if text.isascii() or len(text) > WINDOW else _INVISIBLE.sub("", text)


def _one_turn(text: str) -> str:
    """Return the turn that the member wrote, without tokens of a chat template around it."""
    if "<" not in text and "INST]" not in text and "assistant" not in text:
        return text  # none of the tokens, quickly
    begin = 0
    for _ in range(10):
        match = _START.match(text, begin)
        if match is None:
            break
        begin = match.end()
    if begin:
        text = text[begin:].lstrip()
    for start in sorted({0, max(0, len(text) - WINDOW)}):
        part = text[start : start + WINDOW]
        found = any(sign in part for sign in _END_SIGNS)
        if found and (end := _END.search(text, start, start + WINDOW)):
            return text[: end.start()].rstrip()
    return text


def _without_fence(text: str) -> str:
    """Return the content of a fence of plain text around the whole."""
    bare = text.strip() if len(text) <= WINDOW else ""
    match = _FENCE.fullmatch(bare) if bare.startswith(("```", "~~~")) else None
    return match[2] if match and match[1] not in match[2] else text
