"""Contract tests of replies that cannot be voted on."""

from __future__ import annotations

from typing import Any

import pytest

from bestofinf import Member
from bestofinf.answers import UniversalSelfConsistency
from bestofinf.ensemble import MeaningVote
from bestofinf.errors import NoConsensusError, UsageError
from bestofinf.testing.adapter import LONG, QUESTION, RIGHT, WRONG, Adapter, Contract


class UnvotableContract(Contract):
    """Tests of the setting ``on_unvotable``."""

    def test_each_way_gives_its_reply(self, adapter: Adapter, how: str) -> None:
        """The first, the medoid, or what a model or a selector chooses."""
        for given, n_samples, text in (
            ("first", 3, LONG[0]),
            ("medoid", 8, LONG[1]),
            (adapter.model(("3",), "judge"), 8, LONG[2]),
            (Member(adapter.model(("2",), "judge"), name="mine"), 8, LONG[1]),
            (UniversalSelfConsistency(lambda prompt: "2"), 8, LONG[1]),
        ):
            told = self.tell(adapter, adapter.ensemble(LONG, on_unvotable=given), how)
            assert told.text == text
            assert (told.trace["n_samples"], told.trace["answer"]) == (n_samples, None)

    def test_the_heaviest_member_chooses_if_nobody_is_named(
        self, adapter: Adapter, how: str
    ) -> None:
        """It is asked once more, with the question and the replies; all of it is counted."""
        model = adapter.model((*LONG, *LONG, *LONG[:2], "Number 2."))
        ensemble = adapter.make([model], on_unvotable="choose", concurrency=1)
        text, trace = self.tell(adapter, ensemble, how)
        assert text == LONG[1]
        assert trace["n_samples"] == trace["n_abstained"] == 8
        assert trace["reason"].endswith("; chosen by the selector among 8")
        assert trace["usage_by_member"]["scripted"]["calls"] == 9
        asked = adapter.asked(model)
        assert len(asked) == 9
        assert all(said in asked[-1] for said in (QUESTION, *LONG))

    def test_a_chooser_with_a_price_is_paid(self, adapter: Adapter) -> None:
        """At its own price, or at that of the table."""
        judge = adapter.model(("2",), "judge")
        table = {"scripted": (0.0, 0.0), "judge": (1.0, 0.0)}
        for settings in (
            {"on_unvotable": Member(judge, name="judge", price=(1.0, 0.0))},
            {"on_unvotable": judge, "prices": table},
        ):
            usage = self.tell(adapter, adapter.ensemble(LONG, **settings)).trace["usage_by_member"]
            assert usage["judge"]["cost"] == usage["judge"]["input_tokens"] > 0
            assert usage["scripted"]["cost"] == 0
        with pytest.raises(UsageError, match="no entry for the member 'judge'"):
            adapter.ensemble(LONG, on_unvotable=judge, prices={"scripted": (0.0, 0.0)})

    def test_free_text_is_voted_on_by_its_meaning(self, adapter: Adapter, how: str) -> None:
        """Who is named compares the texts, a new one with one of each class; all is counted."""
        judge = adapter.model(("YES",), "judge")
        ensemble = adapter.ensemble(LONG, on_unvotable=MeaningVote(judge))
        text, trace = self.tell(adapter, ensemble, how)
        assert text in LONG
        assert list(trace["votes"].values()) == [trace["n_samples"]]
        assert trace["confidence"] > 0.5
        assert trace["entropy"] == 0
        asked = adapter.asked(judge)
        assert len(asked) == min(trace["n_samples"], len(LONG)) - 1
        assert all(QUESTION in prompt for prompt in asked)
        used = sum(usage["calls"] for usage in trace["usage_by_member"].values())
        assert used == trace["n_samples"] + len(asked)

    def test_it_may_be_given_with_a_question(self, adapter: Adapter, how: str) -> None:
        """And stands over what the ensemble says."""
        plain = adapter.ensemble(LONG)
        told = self.tell(adapter, plain, how, on_unvotable="medoid")
        assert told.trace["reason"].endswith("; the medoid of 8")
        few = self.tell(adapter, plain, how, on_unvotable="medoid", abstain_limit=3)
        assert few.trace["n_samples"] == 3
        nearest = adapter.ensemble(LONG, on_unvotable="medoid")
        assert self.tell(adapter, nearest, how, on_unvotable="first").trace["n_samples"] == 3

    def test_an_error_is_raised_on_demand(self, adapter: Adapter, how: str) -> None:
        """Unless a question wants a reply."""
        ensemble = adapter.ensemble(LONG, on_unvotable="error")
        with pytest.raises(NoConsensusError, match="no reply could be voted on"):
            self.tell(adapter, ensemble, how)
        assert self.tell(adapter, ensemble, how, on_unvotable="first").text in LONG

    def test_a_choice_stands_where_votes_must_be_sure_or_are_escalated(
        self, adapter: Adapter
    ) -> None:
        """The first reply does not, and neither does a vote that is not sure."""
        higher = adapter.model(("The answer is 7.",), "higher")
        settings: dict[str, Any]
        for settings in ({"min_confidence": 0.9}, {"escalate_to": higher}):
            chosen = adapter.ensemble(LONG, on_unvotable="medoid", **settings)
            assert self.tell(adapter, chosen).text in LONG
        assert self.tell(adapter, adapter.ensemble(LONG, escalate_to=higher)).text == (
            "The answer is 7."
        )
        torn = adapter.ensemble((RIGHT, WRONG), on_unvotable="medoid", rule="fixed:n=4")
        with pytest.raises(NoConsensusError, match=r"at least 0\.9 wanted"):
            self.tell(adapter, torn, min_confidence=0.9)

    @pytest.mark.parametrize("given", ["first", "medoid", "choose", "error"])
    def test_replies_chosen_by_score_need_no_answer(self, adapter: Adapter, given: str) -> None:
        """Whatever is to become of those without one."""

        def score(prompt: str, reply: Any) -> float:
            return 0.97 if "dog" in reply.text else 0.1

        ensemble = adapter.ensemble(
            LONG, rule="optscale:min_score=.95", scorer=score, on_unvotable=given
        )
        text, trace = self.tell(adapter, ensemble)
        assert text == LONG[2]
        assert trace["n_samples"] >= 3

    def test_answers_are_voted_on_as_ever(self, adapter: Adapter) -> None:
        """Nobody is asked to choose."""
        model = adapter.model((RIGHT,))
        trace = self.tell(adapter, adapter.make([model], on_unvotable="choose")).trace
        assert trace["answer"] == "42"
        assert len(adapter.asked(model)) == trace["n_samples"]

    def test_it_is_shown(self, adapter: Adapter) -> None:
        """With who chooses, and only if it is not the default."""
        chooser = adapter.model(("2",), "judge")
        assert "on_unvotable='choose:judge'" in repr(adapter.ensemble(LONG, on_unvotable=chooser))
        assert "on_unvotable" not in repr(adapter.ensemble(LONG))
