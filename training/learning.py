"""Training loops: a member learns to write solutions, the verifier to judge each character."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bestofinf.tiny.alphabet import CHARACTERS, encode
from bestofinf.tiny.questions import Problem
from training.network import Network

BATCH = 48
POOL = 24
"""Batches sorted by length together, so that little of a batch is padding."""

log = logging.getLogger("training")


def train(
    network: Network,
    problems: Iterator[Problem],
    loss: Callable[[Network, list[tuple[Problem, str]]], Tensor],
    *,
    steps: int,
    seed: int,
    matrix_rate: float = 0.02,
    other_rate: float = 3e-3,
) -> None:
    """Train in place: Muon for the matrices inside the layers, AdamW for the rest.

    The rate rises over 30 steps, stays, and falls to 2 % over the last 60 %.
    """
    inside = [p for name, p in network.named_parameters() if "." in name]
    outside = [p for name, p in network.named_parameters() if "." not in name]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(inside, lr=matrix_rate, weight_decay=0.01),
        torch.optim.AdamW(outside, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    smooth = None
    for step, batch in enumerate(islice(_batches(problems, Random(seed)), steps)):
        factor = min(1.0, (step + 1) / 30, max(0.02, (1 - step / steps) / 0.6))
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * factor
        network.zero_grad(set_to_none=True)
        value = loss(network, batch)
        value.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        smooth = value.item() if smooth is None else 0.98 * smooth + 0.02 * value.item()
        if (step + 1) % 250 == 0:
            log.info("step %d of %d: loss %.4f", step + 1, steps, smooth)


def _batches(problems: Iterator[Problem], rng: Random) -> Iterator[list[tuple[Problem, str]]]:
    while True:
        pool = [(p, rng.choice(p.solutions)) for p in islice(problems, BATCH * POOL)]
        pool.sort(key=lambda pair: len(pair[0].question) + len(pair[1]))
        batches = [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
        rng.shuffle(batches)
        yield from batches


def writing_loss(network: Network, batch: list[tuple[Problem, str]]) -> Tensor:
    """Cross-entropy of the solution's characters and its end, given the question."""
    tokens, wanted = _padded(batch)
    logits = network(tokens[:, :-1])[wanted[:, 1:]]
    return functional.cross_entropy(logits, tokens[:, 1:][wanted[:, 1:]])


def judging_loss(network: Network, batch: list[tuple[Problem, str]]) -> Tensor:
    """Binary cross-entropy of "this character keeps the solution right", for every character.

    Along a right solution it is known of each next character whether some right solution goes
    on with it: the steps are arithmetic, so labels are free and there is one for every place
    where a step can go wrong.
    """
    tokens, wanted = _padded(batch)
    logits = network(tokens[:, :-1])[wanted[:, 1:]]
    right = torch.from_numpy(np.concatenate([right_next(p, text) for p, text in batch]))
    losses = functional.binary_cross_entropy_with_logits(logits, right, reduction="none")
    return losses.sum(1).mean()


def right_next(problem: Problem, text: str) -> np.ndarray:
    """Mark which characters may follow each prefix of `text`, shape (len(text) + 1, characters)."""
    right = np.zeros((len(text) + 1, len(CHARACTERS)), np.float32)
    for place in range(len(text) + 1):
        for character in problem.continuations(text[:place]):
            right[place, encode(character or "\0")] = 1
    return right


def _padded(batch: list[tuple[Problem, str]]) -> tuple[Tensor, Tensor]:
    """Return tokens of question, solution and end, and which of them the solver writes."""
    texts = [f"{problem.question}\n{solution}\0" for problem, solution in batch]
    tokens = np.zeros((len(batch), max(map(len, texts))), np.int64)
    wanted = np.zeros(tokens.shape, bool)
    for row, ((problem, _), text) in enumerate(zip(batch, texts, strict=True)):
        tokens[row, : len(text)] = encode(text)
        wanted[row, len(problem.question) + 1 : len(text)] = True
    return torch.from_numpy(tokens), torch.from_numpy(wanted)
