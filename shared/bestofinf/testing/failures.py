"""Contract tests of failures of members, and of invalid settings."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from bestofinf.errors import NoConsensusError, SamplingError, UsageError
from bestofinf.testing.adapter import QUESTION, RIGHT, WRONG, Adapter, Contract

PATIENCE = 10.0


class FailureContract(Contract):
    """Tests of failures and of settings."""

    def test_a_failed_request_is_tried_again_and_then_replaced(
        self, adapter: Adapter, how: str
    ) -> None:
        """Transient errors are; which ones are may be said."""
        slow, odd = TimeoutError("slow"), LookupError("not yet")
        for errors, failed in (((slow, slow), 0), ((slow, slow, slow), 1), ((odd,), 1)):
            ensemble = adapter.ensemble((*errors, RIGHT, RIGHT, RIGHT), rule="fixed:n=2")
            trace = self.tell(adapter, ensemble, how, longest_wait=0.0).trace
            assert (trace["n_samples"], trace["n_failed"]) == (2, failed)

    def test_a_dead_member_is_left_out_of_this_vote_and_of_later_ones(
        self, adapter: Adapter, how: str
    ) -> None:
        """After as many failures, and as many failed questions, as the breaker says."""
        dead = adapter.model((ValueError("down"),), "dead")
        members = [dead, adapter.model((RIGHT,), "b")]
        ensemble = adapter.make(members, rule="fixed:n=4", breaker=2, concurrency=1)
        for asked in (2, 4, 4):
            trace = self.tell(adapter, ensemble, how).trace
            assert trace["votes"] == {"42": 4}
            assert "left out: dead" in trace["reason"]
            assert len(adapter.asked(dead)) == asked

    def test_when_all_are_dead_the_members_error_is_the_cause(
        self, adapter: Adapter, how: str
    ) -> None:
        """And told as it is."""
        with pytest.raises(SamplingError, match="ValueError: down") as caught:
            self.tell(adapter, adapter.ensemble((ValueError("down"),)), how)
        assert caught.value.__cause__ is caught.value.causes[0]
        assert "down" in str(caught.value.__cause__)

    def test_low_confidence_is_refused(self, adapter: Adapter, how: str) -> None:
        """By the ensemble, or by a call."""
        torn = (RIGHT, WRONG)
        with pytest.raises(NoConsensusError, match=r"confidence .* at least 0\.9 wanted"):
            self.tell(adapter, adapter.ensemble(torn, rule="fixed:n=4", min_confidence=0.9), how)
        with pytest.raises(NoConsensusError, match=r"at least 0\.95 wanted"):
            self.tell(adapter, adapter.ensemble(torn, rule="fixed:n=4"), how, min_confidence=0.95)

    def test_what_finds_no_consensus_is_escalated(self, adapter: Adapter, how: str) -> None:
        """So is a vote whose members all fail; with consensus nobody else is asked."""
        higher = adapter.model(("The answer is 7.",), "higher")
        for replies, votes in (((RIGHT, WRONG), {"42": 2, "40": 2}), ((ValueError("no"),), {})):
            ensemble = adapter.ensemble(
                replies, rule="fixed:n=4", min_confidence=0.9, escalate_to=higher
            )
            text, trace = self.tell(adapter, ensemble, how)
            assert text == "The answer is 7."
            assert (trace["escalated"], trace["winner_member"]) == (True, "higher")
            assert trace["votes"] == votes
            assert trace["usage_by_member"]["higher"]["output_tokens"] > 0
        assert "ValueError: no" in trace["reason"]
        before = len(adapter.asked(higher))
        sure = adapter.ensemble((RIGHT,), rule="ahead-by:votes=3", escalate_to=higher)
        assert self.tell(adapter, sure, how, min_confidence=0.5).text == RIGHT
        assert len(adapter.asked(higher)) == before

    def test_a_cancelled_question_leaves_nothing_behind(
        self, adapter: Adapter, cancellable_way: str
    ) -> None:
        """Its requests are cancelled too."""
        model = adapter.model((RIGHT,), seconds=30.0)
        ensemble = adapter.make([model], rule="ahead-by:votes=3", answer="number")

        async def cancelled() -> None:
            task = asyncio.ensure_future(adapter.ask(ensemble, cancellable_way, QUESTION))
            async with asyncio.timeout(PATIENCE):
                while adapter.in_flight(model) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(PATIENCE):
                while adapter.in_flight(model):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(cancelled())

    def test_settings_change_for_a_single_question(self, adapter: Adapter, how: str) -> None:
        """And not for the ensemble."""
        ensemble = adapter.ensemble((RIGHT,), rule="fixed:n=6")
        assert self.tell(adapter, ensemble, how, max_samples=2).trace["n_samples"] == 2
        assert self.tell(adapter, ensemble, how, rule="fixed:n=3").trace["n_samples"] == 3
        told = self.tell(adapter, ensemble, how, answer="text")
        assert (told.trace["answer"], told.trace["n_samples"]) == ("answer is 42", 6)
        wrong: dict[str, Any]
        for wrong, message in (
            ({"rule": "nonsense"}, "nonsense"),
            ({"min_confidence": -1}, "min_confidence"),
            ({"max_samples": 0}, "at least 1"),
            ({"abstain": True}, "no setting abstain: give on_unvotable='error'"),
            ({"on_unvotable": "best"}, "on_unvotable must be one of first, medoid"),
        ):
            with pytest.raises(UsageError, match=message):
                self.tell(adapter, ensemble, how, **wrong)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"max_sample": 3}, "max_sample"),
            ({"rule": "sometimes"}, "sometimes"),
            ({"answer": "perhaps"}, "perhaps"),
            ({"launch": "slow"}, "launch"),
            ({"weights": [1.0, 2.0]}, "each of the 1 members, got 2 weights"),
            ({"weights": {"c": 1.0}}, "no member"),
            ({"weights": [-1.0]}, "at least 0"),
            ({"max_samples": 0}, "at least 1"),
            ({"min_confidence": 2}, "min_confidence"),
            ({"escalate_to": 3}, "got"),
            ({"scorer": 3}, "scorer"),
            ({"explore": 1.5}, "share"),
            ({"on_unvotable": "best"}, "on_unvotable must be one of first, medoid"),
            ({"abstain": True}, "no setting abstain: give on_unvotable='error'"),
            ({"prices": {}}, "no entry for the member 'scripted'"),
            ({"rule": "max-cost:amount=1"}, "no member has a price"),
        ],
    )
    def test_settings_that_cannot_work_are_refused_in_one_line(
        self, adapter: Adapter, settings: dict[str, Any], message: str
    ) -> None:
        """When the ensemble is made, not when it is asked."""
        with pytest.raises(UsageError, match=message) as caught:
            adapter.ensemble((RIGHT,), **settings)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("members", [[], 3, [3], [None], ("x", "y")])
    def test_what_is_no_member_is_refused(self, adapter: Adapter, members: Any) -> None:
        """With what was wanted and what came."""
        with pytest.raises(UsageError):
            adapter.make(members)

    def test_copies_ask_as_the_first_does(self, adapter: Adapter) -> None:
        """Frameworks copy what they are given."""
        ensemble = adapter.ensemble((RIGHT,), rule="fixed:n=3")
        for other in (copy.copy(ensemble), ensemble.model_copy()):
            assert self.tell(adapter, other).trace["n_samples"] == 3
