"""The characters the models read and write: one token each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

END = 0
"""Token that ends a reply; it also stands for every unknown character."""

CHARACTERS = (
    "\0\n 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;?!+-*/=#%()'\"$"
)

CONTEXT = 144
"""Maximum number of tokens of a question and its reply together."""

_CODES = {character: code for code, character in enumerate(CHARACTERS)}


def encode(text: str) -> npt.NDArray[np.int64]:
    """Return the token of each character, shape (len(text),)."""
    return np.array([_CODES.get(character, END) for character in text], np.int64)


def decode(tokens: npt.NDArray[np.int64]) -> str:
    """Return the text of tokens, without `END`."""
    return "".join(CHARACTERS[token] for token in tokens if token != END)
