"""Contract tests of votes, members and weights."""

from __future__ import annotations

import asyncio
import json
import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bestofinf import Member
from bestofinf.ensemble.identical import IdenticalSamplesWarning
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Explore, Question, Samples
from bestofinf.testing.adapter import LONG, QUESTION, RIGHT, WRONG, Adapter, Contract

FREE_TEXT = "A long reply of many words that is certainly no answer to be voted on, at all."


class VoteContract(Contract):
    """Tests of votes: decisions, traces and usage."""

    def test_every_way_gives_the_majority_and_its_trace(self, adapter: Adapter, how: str) -> None:
        """The trace is plain JSON, the same from every way."""
        text, trace = self.tell(
            adapter, adapter.ensemble((WRONG, RIGHT, RIGHT), rule="fixed:n=6"), how
        )
        assert text == RIGHT
        assert trace["votes"] == {"42": 4, "40": 2}
        assert (trace["answer"], trace["n_samples"], trace["n_failed"]) == ("42", 6, 0)
        assert (trace["winner_member"], len(trace["samples"])) == ("scripted", 6)
        assert {line["member"] for line in trace["samples"]} == {"scripted"}
        json.dumps(trace)

    def test_the_usage_is_that_of_all_samples_at_the_members_price(
        self, adapter: Adapter, how: str
    ) -> None:
        """Prices stand with the member or in a table."""
        model = adapter.model((RIGHT,))
        for ensemble in (
            adapter.make([Member(model, name="mine", price=(1.0, 2.0))], rule="fixed:n=3"),
            adapter.make(
                [Member(model, name="mine")], rule="fixed:n=3", prices={"mine": (1.0, 2.0)}
            ),
        ):
            (usage,) = self.tell(adapter, ensemble, how).trace["usage_by_member"].values()
            assert usage["calls"] == 3
            assert usage["cost"] == usage["input_tokens"] + 2 * usage["output_tokens"] > 0
            assert usage["input_tokens"] % 3 == usage["output_tokens"] % 3 == 0
        assert len(adapter.asked(model)) == 6

    def test_no_request_is_sent_that_cannot_be_needed(self, adapter: Adapter, how: str) -> None:
        """However many could be in flight."""
        model = adapter.model((RIGHT,))
        ensemble = adapter.make([model], rule="ahead-by:votes=3", concurrency=8)
        assert self.tell(adapter, ensemble, how).trace["n_samples"] == 3
        assert len(adapter.asked(model)) == 3

    def test_long_free_text_costs_one_request(self, adapter: Adapter, how: str) -> None:
        """Whole texts hardly ever agree, and would be asked for up to the limit."""
        model = adapter.model([" ".join(LONG), *LONG])
        ensemble = adapter.make([model], rule="exhaustive", concurrency=8)
        text, trace = self.tell(adapter, ensemble, how)
        assert text == " ".join(LONG)
        assert (trace["n_samples"], trace["answer"]) == (1, None)
        assert trace["reason"].startswith("unvotable")
        assert len(adapter.asked(model)) == 1

    def test_short_free_text_costs_three_samples_and_the_first_is_given(
        self, adapter: Adapter, how: str
    ) -> None:
        """The next reply may well have an answer."""
        text, trace = self.tell(adapter, adapter.ensemble(LONG, rule="exhaustive"), how)
        assert text == LONG[0]
        assert (trace["n_samples"], trace["answer"]) == (3, None)
        assert trace["reason"].startswith("unvotable")

    def test_wordings_of_one_short_answer_are_one_vote(self, adapter: Adapter, how: str) -> None:
        """Replies are read under the question of the call."""
        texts = ("42.", "It is 42.", "6 times 7 is 42.", "The answer is 42.")
        trace = self.tell(adapter, adapter.ensemble(texts, rule="fixed:n=4"), how).trace
        assert (trace["answer"], trace["votes"]) == ("42", {"42": 4})

    def test_replies_are_scored_for_rules_on_scores(self, adapter: Adapter, how: str) -> None:
        """By a function of the question and the reply."""

        def score(prompt: str, reply: Any) -> float:
            assert QUESTION in prompt
            return 0.99 if "42" in reply.text else 0.1

        ensemble = adapter.ensemble((WRONG, RIGHT), rule="optscale:min_score=.9", scorer=score)
        text, trace = self.tell(adapter, ensemble, how, max_samples=8)
        assert text == RIGHT
        assert [line["score"] for line in trace["samples"]] == [0.1, 0.99]

    def test_a_scorer_may_be_a_model_and_costs_what_it_costs(
        self, adapter: Adapter, how: str
    ) -> None:
        """It judges by the default rubric, and its tokens are booked."""
        judge = adapter.judge((2, 9))
        ensemble = adapter.ensemble((WRONG, RIGHT), rule="fixed:n=2", scorer=judge)
        trace = self.tell(adapter, ensemble, how).trace
        assert [line["score"] for line in trace["samples"]] == [0.2, 0.9]
        assert trace["usage_by_member"]["scripted"]["calls"] == 4
        assert QUESTION in adapter.asked(judge)[0]

    def test_a_scorer_that_fails_leaves_the_vote_to_its_limit(self, adapter: Adapter) -> None:
        """The trace says why there is no score."""

        def broken(prompt: str, reply: Any) -> float:
            raise ValueError("out of order")

        ensemble = adapter.ensemble((RIGHT,), rule="optscale", scorer=broken, max_samples=4)
        trace = self.tell(adapter, ensemble).trace
        assert trace["n_samples"] == 4
        assert {line["score"] for line in trace["samples"]} == {None}
        assert "out of order" in trace["samples"][0]["note"]

    def test_samples_that_cannot_differ_are_warned_of(self, adapter: Adapter) -> None:
        """Before they are asked for, or when they come."""
        model = adapter.model((RIGHT,))
        with pytest.warns(IdenticalSamplesWarning, match="temperature 0"):
            adapter.make([Member(model, call_kwargs={"temperature": 0})])
        with pytest.warns(IdenticalSamplesWarning, match="seed 7"):
            adapter.make([Member(model, call_kwargs={"seed": 7})])
        same = adapter.ensemble((f"{RIGHT} " * 9,), rule="fixed:n=5")
        with pytest.warns(IdenticalSamplesWarning, match="are identical") as seen:
            self.tell(adapter, same)
        assert len(seen) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            adapter.make([Member(model, call_kwargs={"temperature": 0})], max_samples=1)
            self.tell(adapter, adapter.ensemble((RIGHT,), rule="fixed:n=5"))

    def test_one_ensemble_works_in_several_event_loops(self, adapter: Adapter, how: str) -> None:
        """One after the other, with several questions at a time in each."""
        ensemble = adapter.ensemble((RIGHT,), rule="fixed:n=2")

        async def several() -> list[Any]:
            asked = (adapter.ask(ensemble, how, QUESTION) for _ in range(3))
            return await asyncio.gather(*asked)

        for _ in range(2):
            for result in asyncio.run(several()):
                assert adapter.trace(result)["n_failed"] == 0
                assert adapter.text(result) == RIGHT


class WeightContract(Contract):
    """Tests of members and their weights."""

    def two(self, adapter: Adapter, **settings: Any) -> Any:
        """Return an ensemble of two models that disagree."""
        members = [adapter.model((RIGHT,), "a"), adapter.model((WRONG,), "b")]
        return adapter.make(members, **{"rule": "fixed:n=4", **settings})

    def test_weights_decide(self, adapter: Adapter, how: str) -> None:
        """By name, in order, or from a fit."""

        class Fit:
            weights: ClassVar[dict[str, float]] = {"a": 0.25, "b": 0.75}

        for weights in ({"a": 0.25, "b": 0.75}, [0.25, 0.75], Fit()):
            ensemble = self.two(adapter, weights=weights)
            assert ensemble.weight_by_member == {"a": 0.25, "b": 0.75}
            assert self.tell(adapter, ensemble, how).text == WRONG

    def test_a_member_without_weight_is_not_asked(self, adapter: Adapter) -> None:
        """Members that are not named have none."""
        told = self.tell(adapter, self.two(adapter, weights={"b": 1.0}))
        assert told.trace["votes"] == {"40": 4}

    def test_members_are_models_pairs_mappings_or_members(self, adapter: Adapter) -> None:
        """One need not stand in a list, and equal names are numbered."""
        model = adapter.model((RIGHT,), "a")
        many = adapter.make([model, (model, 3.0), Member(model, weight=0.5, name="mine")])
        assert many.weight_by_member == {"a": 1.0, "a#2": 3.0, "mine": 0.5}
        assert adapter.make([{"model": model, "weight": 2.0}]).weight_by_member == {"a": 2.0}
        for one in (model, Member(model)):
            alone = adapter.make(one, rule="fixed:n=2")
            assert alone.member_names == ["a"]
            assert self.tell(adapter, alone).text == RIGHT

    def test_a_copy_with_weights_leaves_the_first_as_it_was(self, adapter: Adapter) -> None:
        """With weights given, or fitted to an evaluation set."""
        ensemble = self.two(adapter)
        answers = {name: Samples((name,) * 4) for name in ("a", "b")}
        recorded = EvaluationSet(tuple(Question(str(n), answers, gold="b") for n in range(8)))
        for heavy in (
            ensemble.with_weights({"b": 1.0}),
            ensemble.fit(recorded, objective="single"),
        ):
            assert heavy.weight_by_member == {"a": 0.0, "b": 1.0}
            assert self.tell(adapter, heavy).text == WRONG
        assert ensemble.weight_by_member == {"a": 1.0, "b": 1.0}

    def test_weights_are_read_again_from_their_file(self, adapter: Adapter, tmp_path: Path) -> None:
        """What does not fit leaves the old ones in force."""
        path = tmp_path / "weights.json"
        path.write_text(json.dumps({"weights": {"a": 1.0, "b": 0.0}}))
        ensemble = self.two(adapter, weights=path)
        assert self.tell(adapter, ensemble).text == RIGHT
        path.write_text(json.dumps({"weights": {"a": 0.0, "b": 1.0}}))
        assert self.tell(adapter, ensemble).text == RIGHT
        ensemble.reload()
        assert self.tell(adapter, ensemble).text == WRONG
        for wrong in ({"c": 1.0}, {"a": 0.0}):
            with pytest.raises(UsageError, match=r"no member|weight"):
                ensemble.reload(wrong)
        assert self.tell(adapter, ensemble).text == WRONG
        with pytest.raises(UsageError, match="not from a file"):
            self.two(adapter).reload()

    @pytest.mark.parametrize(
        ("content", "message"),
        [(None, "cannot be read"), ("{", "cannot be read"), ("{}", "no weights")],
    )
    def test_a_bad_file_of_weights_is_named(
        self, adapter: Adapter, tmp_path: Path, content: str | None, message: str
    ) -> None:
        """And says what is wrong with it."""
        path = tmp_path / "weights.json"
        if content is not None:
            path.write_text(content)
        with pytest.raises(UsageError, match=rf"weights\.json .*{message}"):
            self.two(adapter, weights=path)

    def test_a_share_of_the_calls_explores(self, adapter: Adapter, how: str) -> None:
        """With a fixed number of samples from every member that has weight, whatever is said."""
        members = [
            Member(adapter.model((FREE_TEXT, RIGHT), name), name=name, weight=weight)
            for name, weight in (("a", 0.9), ("b", 0.1), ("idle", 0.0))
        ]
        always = adapter.make(members, explore=Explore(share=1.0, samples=5))
        trace = self.tell(adapter, always, how).trace
        assert (trace["n_samples"], trace["reason"]) == (10, "fixed: 10 samples")
        assert {n: u["calls"] for n, u in trace["usage_by_member"].items()} == {
            "a": 5,
            "b": 5,
            "idle": 0,
        }
        assert self.tell(adapter, always, how, rule="fixed:n=2").trace["n_samples"] == 2
        never = adapter.make(members, rule="fixed:n=3", explore=0.0)
        assert self.tell(adapter, never, how).trace["n_samples"] == 3

    def test_the_share_of_the_calls_is_as_asked(self, adapter: Adapter) -> None:
        """20 of 80 are expected; either bound is 3.6 standard deviations off."""
        model = adapter.model((RIGHT,))
        some = adapter.make([model], explore=Explore(share=0.25, samples=5), rule="fixed:n=1")
        counts = [self.tell(adapter, some).trace["n_samples"] for _ in range(80)]
        assert set(counts) == {1, 5}
        assert 6 <= counts.count(5) <= 36
