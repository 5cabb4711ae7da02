"""What notebooks show of decisions, fits and replays."""

from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.records import Decision, Usage
from bestofinf.replay import replay
from bestofinf.weights import fit_weights


def decision(votes):
    return Decision(
        answer=next(iter(votes)),
        winner=None,
        winner_member=None,
        confidence=0.987,
        reason="a <reason>",
        votes=votes,
        shares={},
        n_samples=sum(votes.values()),
        n_failed=0,
        n_abstained=0,
        n_cancelled=0,
        usage=Usage(output_tokens=1234),
        usage_by_member={},
        seconds=0.0,
        trail=(),
    )


def test_a_decision_shows_its_votes_as_bars():
    page = decision({"<b>42</b>": 4, "41": 1})._repr_html_()
    assert "&lt;b&gt;42&lt;/b&gt;" in page
    assert "width:100.0%" in page
    assert "width:25.0%" in page
    assert "1,234 tokens" in page
    assert "a &lt;reason&gt;" in page


def test_many_answers_are_cut_off():
    page = decision({str(n): 1 for n in range(40)})._repr_html_()
    assert "and 28 more" in page


def test_fits_and_replays_show_themselves():
    questions = tuple(
        Question(f"q{n}", {m: Samples(("a", "a", "b"), (5, 6, 7)) for m in "xy"}, gold="a")
        for n in range(4)
    )
    recorded = EvaluationSet(questions)
    assert "softmax" in fit_weights(recorded, "softmax")._repr_html_()
    assert "accuracy" in replay(recorded, "balanced", trials=3)._repr_html_()
