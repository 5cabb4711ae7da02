"""Which status and words an error becomes."""

from bestofinf.ensemble.causes import of_kind
from bestofinf.errors import DeadlineError, SamplingError
from bestofinf.serve.exchange import SlowBodyError
from bestofinf.serve.telling import told


def test_a_deadline_of_a_vote_is_never_told_as_a_slow_body():
    error = of_kind(DeadlineError("no decision within the deadline", [TimeoutError("late")]))
    assert isinstance(error, TimeoutError)
    response = told(error)
    assert response.status == 422
    assert response.body["error"]["code"] == "deadline_exceeded"


def test_members_that_are_all_late_are_not_told_as_a_slow_body():
    response = told(of_kind(SamplingError("no member answered", [TimeoutError("late")])))
    assert response.status >= 500


def test_a_slow_body_is_told_as_one():
    assert told(SlowBodyError()).status == 408
