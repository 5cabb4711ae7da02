"""The network: what it computes, and that neither batch nor padding nor order changes a bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf import tiny
from bestofinf.tiny.alphabet import CHARACTERS, CONTEXT, decode, encode
from bestofinf.tiny.network import HEAD_SIZE, LOOKBACK

MODELS = {name: tiny.load(name).network for name in tiny.MEMBERS} | {
    "verifier": tiny.load_verifier().network
}


def plain(network, tokens):
    """The same network written from its definition, in ordinary floating point."""

    def norm(x):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)

    padded = np.concatenate([np.zeros(LOOKBACK - 1, int), tokens])
    n = len(tokens)
    x = network.position[:n].copy()
    for back in range(LOOKBACK):
        x = x + network.embedding[back][padded[LOOKBACK - 1 - back :][:n]]
    for layer in network.layers:
        parts = np.split(norm(x) @ layer.attend, 3, axis=1)
        query, key, value = (part.reshape(n, -1, HEAD_SIZE) for part in parts)
        seen = np.zeros_like(query)
        for t in range(n):
            for head in range(query.shape[1]):
                score = key[: t + 1, head] @ query[t, head] / HEAD_SIZE**0.5
                share = np.exp(score - score.max())
                seen[t, head] = share @ value[: t + 1, head] / share.sum()
        x = x + seen.reshape(n, -1) @ layer.merge
        x = x + np.maximum(norm(x) @ layer.expand, 0) @ layer.contract
    return norm(x) @ network.head


def read(network, tokens):
    return network.read(network.begin(len(tokens), tokens.shape[1]), tokens)[0]


@pytest.mark.parametrize("network", MODELS.values(), ids=MODELS)
def test_logits_are_those_of_the_definition_to_a_ten_thousandth(network):
    problem = tiny.questions(1)[0]
    text = f"{problem.question}\n{problem.solutions[0]}"
    for tokens in (encode(text), np.random.default_rng(0).integers(0, len(CHARACTERS), 90)):
        assert read(network, tokens[None])[0] == pytest.approx(plain(network, tokens), abs=1e-4)


def test_reading_at_once_and_character_by_character_give_the_same_bits():
    network = MODELS["sum"]
    tokens = np.random.default_rng(1).integers(0, len(CHARACTERS), (3, 40))
    reading, parts = network.begin(3, 40), []
    for start, end in [(0, 7), *((t, t + 1) for t in range(7, 40))]:
        logits, reading = network.read(reading, tokens[:, start:end])
        parts.append(logits)
    assert np.array_equal(np.concatenate(parts, axis=1), read(network, tokens))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 99))
def test_neither_padding_nor_neighbours_change_a_bit(lengths, seed):
    network = MODELS["hasty"]
    rng = np.random.default_rng(seed)
    texts = [rng.integers(1, len(CHARACTERS), length) for length in lengths]
    longest = max(lengths)
    tokens = np.zeros((len(texts), longest), np.int64)
    for row, text in enumerate(texts):
        tokens[row, longest - len(text) :] = text
    reading = network.begin(len(texts), longest, longest - np.array(lengths))
    together, _ = network.read(reading, tokens)
    for row, text in enumerate(texts):
        assert np.array_equal(together[row, -1], read(network, text[None])[0, -1])


def test_later_characters_change_nothing_before_them():
    network = MODELS["clock"]
    tokens = np.random.default_rng(2).integers(0, len(CHARACTERS), (1, 30))
    changed = tokens.copy()
    changed[0, 20:] = 1
    assert np.array_equal(read(network, tokens)[0, :20], read(network, changed)[0, :20])


def test_a_text_may_fill_the_context():
    logits = read(MODELS["sum"], np.ones((1, CONTEXT), np.int64))
    assert np.isfinite(logits).all()


def test_characters_survive_encoding_and_strange_ones_become_the_end():
    text = "What is 12 + 30?\n"
    assert decode(encode(text)) == text
    assert encode("é∞\ud800").tolist() == [0, 0, 0]
