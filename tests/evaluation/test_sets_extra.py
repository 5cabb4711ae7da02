import copy
import math
import pickle

import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.evaluation.canonical import canonical
from bestofinf.evaluation.samples import coded, in_order

ADAPTIVE = Question(
    "q",
    {
        "a": Samples(("1", "2", "1"), (5, 6, 7), (), (0, 1, 1)),
        "b": Samples(("2",), (), (0.5,), (1,)),
    },
    gold="1",
    stopped={1: "ahead-by"},
)


def test_only_samples_drawn_whatever_was_answered_are_fixed():
    [question] = EvaluationSet((ADAPTIVE,)).fixed()
    assert dict(question.samples) == {"a": Samples(("1",), (5,))}
    assert question.stopped == {}


def test_a_question_without_a_fixed_sample_is_dropped():
    late = Question("r", {"b": Samples(("2",), (), (), (1,))}, stopped={1: "ahead-by"})
    assert len(EvaluationSet((ADAPTIVE, late)).fixed()) == 1


def test_an_adaptive_call_must_name_its_rule():
    with pytest.raises(UsageError, match="adaptive call 2, whose rule is not named"):
        Question("q", {"a": Samples(("1",), calls=(2,))}, stopped={1: "ahead-by"})


def test_merging_numbers_adaptive_calls_anew_and_keeps_fixed_ones_together():
    other = Question(
        "q",
        {"a": Samples(("3", "4"), (), (), (0, 1))},
        stopped={1: "window"},
        wrong=("4", "1"),
    )
    [question] = EvaluationSet.merge([EvaluationSet((ADAPTIVE,)), EvaluationSet((other,))])
    assert question.samples["a"].calls == (0, 1, 1, 0, 2)
    assert question.stopped == {1: "ahead-by", 2: "window"}
    assert question.wrong == ("4",), "what is right cannot be wrong"


def test_merging_plain_samples_leaves_no_numbers():
    one = EvaluationSet((Question("q", {"a": Samples(("1",))}),))
    two = EvaluationSet((Question("q", {"a": Samples(("2",))}),))
    [question] = EvaluationSet.merge([one, two])
    assert question.samples["a"] == Samples(("1", "2"))


def test_a_bootstrap_draws_with_replacement_and_keeps_ids_unique():
    drawn_from = EvaluationSet(tuple(Question(f"q{n}", {}) for n in range(50)))
    resample = drawn_from.bootstrap(seed=3)
    assert len(resample) == 50
    origins = {q.id.partition("#")[0] for q in resample}
    assert 20 < len(origins) < 45
    assert resample == drawn_from.bootstrap(seed=3)
    assert resample != drawn_from.bootstrap(seed=4)


def test_equivalent_answers_are_one_also_those_known_to_be_wrong():
    question = Question(
        "q",
        {"a": Samples(("1/2", "0.5", "no idea", None)), "b": Samples(("3", "3.0"))},
        gold="0.50",
        wrong=("3.00", "unreadable"),
    )
    [same] = canonical(EvaluationSet((question,)), "number")
    assert same.samples["a"].answers == ("1/2", "1/2", None, None)
    assert same.samples["b"].answers == ("3", "3")
    assert (same.gold, same.wrong) == ("1/2", ("3", "unreadable"))


def test_a_summary_counts_what_there_is():
    unlabelled = Question("r", {"a": Samples((None, "2"))})
    summary = EvaluationSet((ADAPTIVE, unlabelled)).summary()
    assert (summary.questions, summary.labelled, summary.samples) == (2, 1, 6)
    assert summary.adaptive_calls == 1
    a = summary.members["a"]
    assert (a.questions, a.samples, a.abstained, a.mean_tokens) == (2, 5, 1, 6.0)
    assert math.isclose(a.single, 2 / 3)
    assert summary.members["b"].mean_tokens is None


def test_samples_are_picked_with_all_their_columns():
    assert ADAPTIVE.samples["a"].pick([2, 0]) == Samples(("1", "1"), (7, 5), (), (1, 0))
    assert ADAPTIVE.samples["a"].pick([0]) == Samples(("1",), (5,))


def test_samples_as_numbers_are_counted_as_their_texts_are():
    samples = Samples(("b", None, "a", "b"), (5, None, 10**400, 7), (None, 0.5, None, 1.0))
    own = coded(samples)
    assert own.texts == ("b", "a")
    assert own.answers.tolist() == [0, -1, 1, 0]
    assert dict(zip(own.texts, own.votes.tolist(), strict=True)) == samples.counts()
    assert own.tokens.tolist() == [5, 0, 10**15, 7]
    assert [s for s in own.scores.tolist() if not math.isnan(s)] == [0.5, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        own.answers[0] = 1
    assert samples == Samples(samples.answers, samples.tokens, samples.scores)


def test_an_order_by_content_is_its_own_order():
    samples = Samples(("b", None, "a", "a"), (5, 6, 8, 7))
    ordered = in_order(samples)
    assert ordered == Samples(("a", "a", "b", None), (7, 8, 5, 6))
    assert in_order(ordered) is ordered
    assert in_order(samples) is ordered
    question = Question("q", {"m": ordered})
    assert EvaluationSet((question,)).ordered.questions[0] is question


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_of_samples_work_out_for_themselves_what_follows_from_them(copied):
    samples = ADAPTIVE.samples["a"]
    plain = pickle.dumps(copied(samples))
    coded(samples), in_order(samples)
    copy_ = copied(samples)
    assert copy_ == samples
    assert pickle.dumps(samples) == plain
    assert not coded(copy_).answers.flags.writeable
