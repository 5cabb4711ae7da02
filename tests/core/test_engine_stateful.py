"""Random interleavings of answers, failures, cancellations and budgets never break a vote."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bestofinf.errors import SamplingError
from bestofinf.records import Failure, Sample, Usage
from bestofinf.rules.budgets import MaxSamples, MaxSeconds, MaxTokens
from bestofinf.rules.lead import AheadBy
from bestofinf.voting.engine import VotingEngine


class Vote(RuleBasedStateMachine):
    @initialize(
        lead=st.integers(1, 4),
        members=st.lists(st.sampled_from([0.0, 0.2, 1.0, 3.0]), min_size=1, max_size=4).filter(any),
        launch=st.sampled_from(["thrifty", "eager"]),
        order=st.sampled_from(["draw", "arrival"]),
        schedule=st.sampled_from(["greedy", "golden", "independent"]),
        quorum=st.integers(1, 3),
    )
    def begin(self, lead, members, launch, order, schedule, quorum):
        self.engine = VotingEngine(
            AheadBy(lead) | MaxSamples(12) | MaxTokens(150) | MaxSeconds(100.0),
            members,
            launch=launch,
            order=order,
            schedule=schedule,
            quorum=quorum,
            breaker=3,
        )
        self.members = members
        self.pending = []
        self.launched = self.failed = 0
        self.spent = Usage()
        self.now = 0.0

    @precondition(lambda self: not self.engine.done)
    @rule(slots=st.integers(0, 10))
    def ask(self, slots):
        draws = self.engine.ask(slots)
        assert len(draws) <= slots
        assert all(self.members[draw.member] > 0 for draw in draws)
        if slots and not self.pending:
            assert draws or self.engine.done, "nothing in flight and nothing to start: stuck"
        self.pending += draws
        self.launched += len(draws)

    def _tell(self, place, outcome):
        draw = self.pending.pop(place % len(self.pending))
        self.spent += outcome.usage
        self.engine.tell(draw, outcome)

    @precondition(lambda self: self.pending)
    @rule(place=st.integers(0, 30), answer=st.sampled_from(["a", "a", "b", "c", None]))
    def sample(self, place, answer):
        self._tell(place, Sample(answer, usage=Usage(3, 10, 0.5, 1), tokens=10))

    @precondition(lambda self: self.pending)
    @rule(place=st.integers(0, 30), fatal=st.booleans(), cancelled=st.booleans())
    def failure(self, place, fatal, cancelled):
        self._tell(place, Failure(RuntimeError("down"), fatal=fatal, cancelled=cancelled))

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds):
        self.now += seconds
        self.engine.advance(self.now)

    @precondition(lambda self: not self.engine.done)
    @rule(really=st.integers(0, 9))
    def stop(self, really):
        if really == 0:
            self.engine.stop("stopped from outside")

    @invariant()
    def nothing_is_lost_and_nothing_counted_twice(self):
        if not hasattr(self, "engine"):
            return
        tally = self.engine.tally
        assert tally.n_votes == len(tally.history)
        assert tally.n_votes + tally.n_abstained + tally.n_failed <= self.launched
        assert len(self.engine.in_flight) == len(self.pending)
        if not self.engine.done:
            return
        try:
            decision = self.engine.decision()
        except SamplingError:
            assert tally.n_votes < self.engine.settings.quorum
            return
        in_flight = len(self.pending)
        unused = decision.n_cancelled - in_flight
        assert unused >= 0
        assert (
            decision.n_samples + decision.n_failed + unused + in_flight
            == self.launched
            == len(decision.trail)
        )
        assert decision.usage == self.spent
        assert 0 <= decision.confidence <= 1
        if decision.answer is not None:
            best = max(tally.counts.values())
            assert tally.counts[decision.answer] >= best - 1e-9
            assert abs(sum(decision.shares.values()) - 1) < 1e-9


TestVote = Vote.TestCase
TestVote.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
