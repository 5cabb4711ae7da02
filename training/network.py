"""The network in torch: the definition that `bestofinf.tiny.network` runs with numpy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bestofinf.tiny.alphabet import CHARACTERS, CONTEXT

HEAD_SIZE = 16
LOOKBACK = 3
"""Characters whose embeddings are summed: this one and those just before it."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a network: layers, residual width, width of the feed-forward part."""

    layers: int = 3
    width: int = 64
    inner: int = 192


class Network(nn.Module):
    """Decoder-only transformer over characters; norms have no gain, layers no bias."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner = shape.width, shape.inner
        self.shape = shape
        self.embedding = nn.Parameter(torch.randn(LOOKBACK, len(CHARACTERS), width) * 0.4)
        self.position = nn.Parameter(torch.randn(CONTEXT, width) * 0.2)
        self.attend = nn.ParameterList(_matrix(width, 3 * width) for _ in range(shape.layers))
        self.merge = nn.ParameterList(_matrix(width, width) for _ in range(shape.layers))
        self.expand = nn.ParameterList(_matrix(width, inner) for _ in range(shape.layers))
        self.contract = nn.ParameterList(
            nn.Parameter(torch.zeros(inner, width)) for _ in range(shape.layers)
        )
        self.head = nn.Parameter(torch.zeros(width, len(CHARACTERS)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (batch, length, characters) of the token after each of `tokens`."""
        batch, length = tokens.shape
        before = functional.pad(tokens, (LOOKBACK - 1, 0))
        x = self.position[:length] + sum(
            self.embedding[back][before[:, LOOKBACK - 1 - back : LOOKBACK - 1 - back + length]]
            for back in range(LOOKBACK)
        )
        layers = zip(self.attend, self.merge, self.expand, self.contract, strict=True)
        for attend, merge, expand, contract in layers:
            heads = (_norm(x) @ attend).view(batch, length, 3, -1, HEAD_SIZE)
            query, key, value = heads.permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + seen.transpose(1, 2).reshape(batch, length, -1) @ merge
            x = x + functional.relu(_norm(x) @ expand) @ contract
        return _norm(x) @ self.head


def _matrix(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * rows**-0.5)


def _norm(x: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), eps=1e-6)
