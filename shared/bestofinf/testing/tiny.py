"""Contract tests of the tiny models as models of a framework."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from bestofinf import tiny
from bestofinf.errors import UsageError

QUESTION = tiny.questions(1)[0].question


@dataclass(frozen=True)
class Said:
    """A reply of a tiny model.

    Attributes:
        text: The text.
        finish_reason: Why it ended.
        read: Number of tokens read.
        written: Number of tokens generated.
        logprobs: Log-probability of each token; None if not asked for.
    """

    text: str
    finish_reason: str | None
    read: int
    written: int
    logprobs: Sequence[float] | None = None


class TinyAdapter(ABC):
    """The tiny models of a framework, for the contract tests."""

    @abstractmethod
    def make(self, **fields: Any) -> Any:
        """Return a tiny model."""

    @abstractmethod
    def ask(self, model: Any, question: str, **options: Any) -> Said:
        """Ask a model once."""

    @abstractmethod
    async def aask(self, model: Any, question: str, **options: Any) -> Said:
        """Ask a model once in the running event loop."""


class TinyContract:
    """Tests of the tiny models of a framework: give a fixture ``tiny_adapter``."""

    def test_a_reply_is_that_of_the_member_with_its_usage(self, tiny_adapter: TinyAdapter) -> None:
        """Blocking and in a loop; tokens are characters."""
        model = tiny_adapter.make(model="mul")
        (choice,) = tiny.load("mul").complete(QUESTION, tiny.Options(seed=4)).choices
        for said in (
            tiny_adapter.ask(model, QUESTION, seed=4),
            asyncio.run(tiny_adapter.aask(model, QUESTION, seed=4)),
        ):
            assert (said.text, said.finish_reason) == (choice.text, "stop")
            assert (said.read, said.written) == (len(QUESTION) + 1, len(choice.text))

    def test_the_question_may_stand_in_a_template(self, tiny_adapter: TinyAdapter) -> None:
        """The last line that is a question is read."""
        model = tiny_adapter.make(model="mul")
        found = tiny_adapter.ask(model, f"Answer this.\n{QUESTION}", seed=4)
        assert found.text == tiny_adapter.ask(model, QUESTION, seed=4).text

    def test_without_a_seed_every_call_samples_anew(self, tiny_adapter: TinyAdapter) -> None:
        """As members of a vote must."""
        model = tiny_adapter.make(temperature=2.0)
        assert len({tiny_adapter.ask(model, QUESTION).text for _ in range(5)}) > 1

    def test_a_seeded_model_gives_new_replies_in_the_same_order_every_time(
        self, tiny_adapter: TinyAdapter
    ) -> None:
        """Also when they are asked for at once."""

        def in_turn() -> list[str]:
            model = tiny_adapter.make(seed=1, temperature=1.5)
            return [tiny_adapter.ask(model, QUESTION).text for _ in range(6)]

        async def together() -> list[str]:
            model = tiny_adapter.make(seed=1, temperature=1.5)
            asked = (tiny_adapter.aask(model, QUESTION) for _ in range(6))
            return [said.text for said in await asyncio.gather(*asked)]

        replies = in_turn()
        assert in_turn() == asyncio.run(together()) == replies
        assert len(set(replies)) > 1

    def test_a_seed_given_with_the_call_fixes_the_reply(self, tiny_adapter: TinyAdapter) -> None:
        """Whatever was asked before."""
        model = tiny_adapter.make(temperature=1.5, seed=1)
        assert len({tiny_adapter.ask(model, QUESTION, seed=3).text for _ in range(3)}) == 1

    def test_a_call_in_a_loop_leaves_the_loop_free(
        self, tiny_adapter: TinyAdapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Sampling happens in a thread."""
        complete, threads = tiny.TinyModel.complete, []

        def noted(*args: Any, **kwargs: Any) -> tiny.Completion:
            threads.append(threading.current_thread())
            return complete(*args, **kwargs)

        monkeypatch.setattr(tiny.TinyModel, "complete", noted)
        asyncio.run(tiny_adapter.aask(tiny_adapter.make(), QUESTION))
        assert len(threads) == 1
        assert threads != [threading.current_thread()]

    def test_limits_and_stop_sequences_shape_the_reply(self, tiny_adapter: TinyAdapter) -> None:
        """As those of other models do."""
        model = tiny_adapter.make()
        whole = tiny_adapter.ask(model, QUESTION, seed=2).text
        cut = tiny_adapter.ask(model, QUESTION, seed=2, max_tokens=4)
        assert (cut.text, cut.finish_reason) == (whole[:4], "length")
        stopped = tiny_adapter.ask(model, QUESTION, seed=2, stop=["\n"])
        assert (stopped.text, stopped.finish_reason) == (whole.splitlines()[0], "stop")

    def test_log_probabilities_stand_beside_each_character(self, tiny_adapter: TinyAdapter) -> None:
        """Where they are asked for."""
        said = tiny_adapter.ask(tiny_adapter.make(), QUESTION, seed=2, logprobs=True)
        assert said.logprobs is not None
        assert len(said.logprobs) == len(said.text)
        assert all(value <= 0 for value in said.logprobs)

    def test_what_cannot_be_is_refused(self, tiny_adapter: TinyAdapter) -> None:
        """Models that do not exist, and values out of range."""
        with pytest.raises(UsageError, match="member must be one of"):
            tiny_adapter.ask(tiny_adapter.make(model="gpt"), QUESTION)
        with pytest.raises((UsageError, ValueError), match="temperature"):
            tiny_adapter.ask(tiny_adapter.make(temperature=-1), QUESTION)
