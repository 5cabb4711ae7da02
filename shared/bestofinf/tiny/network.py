"""A character transformer, run by numpy alone and with the same result on every platform.

Decoder only, a few layers of 16-wide attention heads and a ReLU feed-forward part, root mean
square norms without gain, no biases; the embeddings of the last three characters are summed.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bestofinf.tiny.alphabet import CONTEXT, END
from bestofinf.tiny.exact import Array, exponential, rounded, total

Tokens = npt.NDArray[np.int64]

HEAD_SIZE = 16
LOOKBACK = 3

# Grids (see `exact`), in bits after the point. Bounds on the magnitudes follow from the norms: a
# normed vector has the length sqrt(width), so what a matrix makes of it is at most that times the
# length of a column. `tests/tiny` checks for every shipped file that no sum needs over 53 bits.
WEIGHT_GRID = 2.0**-10
NORMED_GRID = 2.0**-24
INNER_GRID = 2.0**-20
SHARE_GRID = 2.0**-24

MATRICES = ("attend", "merge", "expand", "contract")
"""The matrices of a layer, in order of use."""

_HIDDEN = -1e4
"""Added to the attention score of padding: its exponential is exactly zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Matrices of one layer, by what they do; inputs are rows."""

    attend: Array
    merge: Array
    expand: Array
    contract: Array


@dataclass(frozen=True, slots=True, eq=False)
class KVCache:
    """Keys and values of the texts read so far; texts of a batch end at the same column.

    Attributes:
        keys: Attention keys, shape (layers, batch, heads, columns, HEAD_SIZE).
        values: The same for values.
        columns: Columns in use.
        padding: Unused columns before each text, shape (batch,).
        last: The last tokens of each text, shape (batch, LOOKBACK - 1).
    """

    keys: Array
    values: Array
    columns: int
    padding: Tokens
    last: Tokens

    def rows(self, which: npt.NDArray[np.intp]) -> KVCache:
        """Return the cache of some rows of the batch, which may repeat."""
        return replace(
            self,
            keys=self.keys[:, which],
            values=self.values[:, which],
            padding=self.padding[which],
            last=self.last[which],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Weights, all multiples of `WEIGHT_GRID`.

    Attributes:
        embedding: Shape (LOOKBACK, characters, width).
        position: Shape (CONTEXT, width).
        layers: From first to last.
        head: Shape (width, characters).
    """

    embedding: Array
    position: Array
    layers: tuple[Layer, ...]
    head: Array

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.int16]]) -> Network:
        """Build from arrays of whole multiples of `WEIGHT_GRID`, named as the attributes."""
        weights = {name: arrays[name].astype(np.float64) * WEIGHT_GRID for name in arrays}
        layers: list[Layer] = []
        while f"attend.{len(layers)}" in weights:
            layers.append(Layer(*(weights[f"{name}.{len(layers)}"] for name in MATRICES)))
        return cls(weights["embedding"], weights["position"], tuple(layers), weights["head"])

    @classmethod
    def from_bytes(cls, data: bytes) -> Network:
        """Build from the contents of an ``.npz`` file that `to_bytes` has written."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return cls.from_arrays({name: _joined(file[name]) for name in file.files})

    def begin(self, batch: int, columns: int, padding: Tokens | None = None) -> KVCache:
        """Return the empty cache of `batch` texts, with room for `columns` columns.

        Args:
            batch: Number of texts.
            columns: Longest text with its padding; a text may have `CONTEXT` characters.
            padding: Columns to leave empty before each text, for texts of unequal length.
        """
        heads = self.position.shape[1] // HEAD_SIZE
        shape = (len(self.layers), batch, heads, columns, HEAD_SIZE)
        return KVCache(
            keys=np.zeros(shape),
            values=np.zeros(shape),
            columns=0,
            padding=np.zeros(batch, np.int64) if padding is None else padding,
            last=np.full((batch, LOOKBACK - 1), END, np.int64),
        )

    def read(self, reading: KVCache, tokens: Tokens) -> tuple[Array, KVCache]:
        """Read on, and return the logits of the next token after each one read.

        Args:
            reading: Where to go on. Its room is written to: go on from what is returned.
            tokens: Shape (batch, length). Those in padded columns are ignored.

        Returns:
            Logits, shape (batch, length, characters), and the reading afterwards.
        """
        batch, length = tokens.shape
        width = self.position.shape[1]
        start, end = reading.columns, reading.columns + length
        recent = np.concatenate([reading.last, tokens], axis=1)
        place = np.arange(start, end) - reading.padding[:, None]
        x = self.position[np.clip(place, 0, CONTEXT - 1)]
        for back in range(LOOKBACK):
            first = LOOKBACK - 1 - back
            x += self.embedding[back][recent[:, first : first + length]]
        mask = _mask(reading.padding, start, end)
        for index, layer in enumerate(self.layers):
            heads = rounded(_normed(x) @ layer.attend, INNER_GRID)
            query, key, value = heads.reshape(batch, length, 3, -1, HEAD_SIZE).transpose(
                2, 0, 3, 1, 4
            )
            keys, values = reading.keys[index], reading.values[index]
            keys[:, :, start:end], values[:, :, start:end] = key, value
            scores = query @ keys[:, :, :end].swapaxes(2, 3)
            scores *= HEAD_SIZE**-0.5
            if mask is not None:
                scores += mask
            scores -= scores.max(axis=-1, keepdims=True)
            shares = exponential(scores)
            shares /= shares.sum(axis=-1, keepdims=True)
            seen = rounded(shares, SHARE_GRID) @ values[:, :, :end]
            joined = seen.transpose(0, 2, 1, 3).reshape(batch, length, width)
            x += rounded(joined, INNER_GRID) @ layer.merge
            inner = np.maximum(_normed(x) @ layer.expand, 0)
            x += rounded(inner, INNER_GRID) @ layer.contract
        after = replace(reading, columns=end, last=recent[:, length:])
        return _normed(x) @ self.head, after


def to_bytes(arrays: Mapping[str, npt.NDArray[np.int16]]) -> bytes:
    """Return an ``.npz`` file of weights, low and high bytes apart: a quarter smaller so."""
    planes = {
        name: np.moveaxis(values.astype("<i2")[..., None].view(np.uint8), -1, 0)
        for name, values in arrays.items()
    }
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **planes)
    return file.getvalue()


def _joined(planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view("<i2")[..., 0]


def _normed(x: Array) -> Array:
    """Scale each vector to the root mean square 1."""
    root = np.sqrt(total(x * x) / x.shape[-1] + 1e-6)
    return rounded(x / root, NORMED_GRID)


def _mask(padding: Tokens, start: int, end: int) -> Array | None:
    """Return what hides padding and later characters, or None if nothing is to hide."""
    if end - start == 1 and not padding.any():
        return None
    columns, own = np.arange(end), np.arange(start, end)[:, None]
    # A padded character sees itself, so that its row has a sum to divide by.
    visible = (columns <= own) & (columns >= np.minimum(padding[:, None, None], own))
    return np.where(visible, 0.0, _HIDDEN)[:, None]
