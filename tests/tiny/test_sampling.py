"""Sampling: one seed, one text, whatever surrounds it; and the probabilities are the model's."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf import tiny
from bestofinf.tiny.alphabet import CHARACTERS, CONTEXT, encode
from bestofinf.tiny.sampling import Ticket, generate, stream

NETWORK = tiny.load("sum").network
PROMPTS = tuple(f"{problem.question}\n" for problem in tiny.questions(6))

tickets = st.builds(
    Ticket,
    st.sampled_from(PROMPTS),
    seed=st.integers(0, 2**63),
    index=st.integers(0, 100),
    temperature=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    limit=st.integers(1, 60),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(tickets, min_size=1, max_size=8))
def test_a_text_depends_on_its_ticket_alone(wanted):
    together = generate(NETWORK, "sum", wanted)
    assert together == [generate(NETWORK, "sum", [ticket])[0] for ticket in wanted]
    assert generate(NETWORK, "sum", wanted[::-1]) == together[::-1]


@settings(max_examples=15, deadline=None)
@given(tickets)
def test_streaming_gives_the_same_characters_and_log_probabilities(ticket):
    tokens = list(stream(NETWORK, "sum", ticket))
    (generated,) = generate(NETWORK, "sum", [ticket])
    assert "".join(token.text for token in tokens) == generated.text
    assert tuple(token.logprob for token in tokens) == generated.logprobs


def test_a_seed_gives_this_text_on_every_platform():
    texts = [
        generated.text
        for name in tiny.MEMBERS
        for generated in generate(
            tiny.load(name).network,
            name,
            [Ticket(prompt, 7, i) for prompt in PROMPTS for i in (0, 1)],
        )
    ]
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] == "ed2725b58271c343"


def test_seeds_indices_and_members_give_different_texts():
    def texts(name, **changes):
        tickets = [
            Ticket(prompt, **{"seed": 0, "temperature": 2.0} | changes) for prompt in PROMPTS
        ]
        return tuple(generated.text for generated in generate(NETWORK, name, tickets))

    assert len({texts("a"), texts("b"), texts("a", seed=1), texts("a", index=1)}) == 4


def test_characters_come_with_the_probabilities_of_the_model():
    prompt, n = PROMPTS[0], 4000
    tokens = encode(prompt)[None]
    logits, _ = NETWORK.read(NETWORK.begin(1, tokens.shape[1]), tokens)
    for temperature in (0.5, 1.0, 2.0):
        scaled = logits[0, -1] / temperature
        p = np.exp(scaled - scaled.max())
        p /= p.sum()
        wanted = [Ticket(prompt, 3, i, temperature, limit=1) for i in range(n)]
        seen = Counter(generated.text for generated in generate(NETWORK, "sum", wanted))
        for character, probability in zip(CHARACTERS, p, strict=True):
            if character != "\0":
                error = (probability * (1 - probability) / n) ** 0.5
                assert abs(seen[character] / n - probability) < 5 * error + 1e-3


def test_log_probabilities_are_those_of_the_text():
    ticket = Ticket(PROMPTS[0], 5, limit=20)
    (generated,) = generate(NETWORK, "sum", [ticket])
    tokens = encode(ticket.prompt + generated.text)[None]
    logits, _ = NETWORK.read(NETWORK.begin(1, tokens.shape[1]), tokens)
    rows = logits[0, len(ticket.prompt) - 1 : -1]
    logs = rows - np.logaddexp.reduce(rows, axis=-1, keepdims=True)
    chosen = logs[np.arange(len(rows)), encode(generated.text)]
    assert generated.logprobs == pytest.approx(chosen.tolist())


def test_at_temperature_zero_every_character_is_the_most_probable():
    texts = {
        generated.text
        for generated in generate(
            NETWORK, "sum", [Ticket(PROMPTS[0], seed, temperature=0) for seed in range(5)]
        )
    }
    assert len(texts) == 1


def test_a_limit_cuts_the_text_and_says_so():
    whole, cut = generate(NETWORK, "sum", [Ticket(PROMPTS[0], 1), Ticket(PROMPTS[0], 1, limit=5)])
    assert whole.ended
    assert not cut.ended
    assert cut.text == whole.text[:5]


def test_a_text_ends_with_the_context_at_the_latest():
    prompt = "?" * (CONTEXT - 3)
    (generated,) = generate(NETWORK, "sum", [Ticket(prompt, 1, temperature=50)])
    assert len(generated.text) <= 3
    assert generate(NETWORK, "sum", [Ticket("?" * CONTEXT, 1)])[0].text == ""
