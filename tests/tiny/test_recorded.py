"""The recorded set: what the members say today, and what the project claims of them."""

from collections import Counter
from statistics import fmean

import numpy as np
from scipy.stats import rankdata

from bestofinf import tiny
from bestofinf.evaluation.files import read_file, write_file
from bestofinf.tiny.files import pack, unpack
from bestofinf.tiny.questions import part_of

RECORDED = tiny.recorded()


def test_the_set_has_400_test_questions_with_64_scored_samples_of_each_member():
    assert len(RECORDED) == 400
    assert RECORDED.members == tiny.MEMBERS
    assert set(RECORDED.datasets) == set(tiny.FAMILIES)
    for question in RECORDED:
        assert part_of(question.prompt) == "test"
        for samples in question.samples.values():
            assert len(samples.answers) == len(samples.tokens) == len(samples.scores) == 64


def test_the_members_still_give_the_recorded_samples():
    """The first samples of some questions, again, on this machine."""
    verifier = tiny.load_verifier()
    for question in RECORDED.questions[::80]:
        for name in RECORDED.members:
            completion = tiny.load(name).complete(question.prompt, tiny.Options(n=4, seed=0))
            samples = question.samples[name]
            texts = [choice.text for choice in completion.choices]
            assert [tiny.answer_of(text) for text in texts] == list(samples.answers[:4])
            assert [len(text) for text in texts] == list(samples.tokens[:4])
            scores = verifier.scores([(question.prompt, text) for text in texts])
            assert [round(score, 3) for score in scores] == list(samples.scores[:4])


def test_the_questions_are_those_the_generator_makes():
    problems = tiny.questions(400)
    assert [q.prompt for q in RECORDED] == [p.question for p in problems]
    assert [q.gold for q in RECORDED] == [p.answer for p in problems]


def test_packing_loses_nothing():
    assert unpack(pack(RECORDED)) == RECORDED
    assert unpack(pack(RECORDED)).name == RECORDED.name == "tiny"


def test_the_set_survives_the_file_format_of_the_library(tmp_path):
    part = RECORDED.filter(lambda q: q.id.endswith("7"))
    write_file(part, tmp_path / "tiny.jsonl")
    assert read_file(tmp_path / "tiny.jsonl") == part


def test_one_sample_of_a_member_is_right_at_most_three_times_in_four():
    for name in RECORDED.members:
        right = fmean(fmean(a == q.gold for a in q.samples[name].answers) for q in RECORDED)
        assert 0.1 < right < 0.75


def test_members_are_good_at_different_families():
    def mode_right(name, family):
        part = [q for q in RECORDED if q.dataset == family]
        return fmean(q.samples[name].mode() == q.gold for q in part)

    for name, family in (("sum", "sum"), ("mul", "product"), ("clock", "clock")):
        assert mode_right(name, family) > 0.75
        for other in {"sum", "mul", "clock", "hasty"} - {name}:
            assert mode_right(other, family) < mode_right(name, family) - 0.2


def test_the_hasty_member_agrees_with_itself_when_it_is_wrong():
    wrong = [q.samples["hasty"] for q in RECORDED if q.samples["hasty"].mode() != q.gold]
    assert len(wrong) > 200
    agreement = fmean(samples.counts().most_common(1)[0][1] / 64 for samples in wrong)
    assert agreement > 0.6


def accuracy(weights):
    """Share of questions on which the weighted ensemble's mode is right; a tie is not."""
    right = 0
    for question in RECORDED:
        shares = Counter()
        for name, weight in weights.items():
            for answer, count in question.samples[name].counts().items():
                shares[answer] += weight * count
        (best, top), *others = shares.most_common(2)
        right += best == question.gold and (not others or others[0][1] < top)
    return right / len(RECORDED)


def test_the_ensemble_knows_more_than_its_best_member_and_weights_matter():
    best = max(accuracy({name: 1}) for name in RECORDED.members)
    weighted = accuracy({"sum": 1, "mul": 1, "clock": 1, "hasty": 0})
    assert weighted > best + 0.08
    assert weighted > accuracy(dict.fromkeys(RECORDED.members, 1)) + 0.02


def test_the_verifier_tells_right_from_wrong_over_all_and_within_a_question():
    scores = np.array([[s.scores for s in q.samples.values()] for q in RECORDED], float)
    right = np.array(
        [[[a == q.gold for a in s.answers] for s in q.samples.values()] for q in RECORDED]
    )
    assert auc(scores.ravel(), right.ravel()) > 0.85
    within = [
        auc(s.ravel(), y.ravel())
        for s, y in zip(scores, right, strict=True)
        if y.any() and not y.all()
    ]
    assert fmean(within) > 0.75


def test_the_scores_of_the_verifier_are_calibrated():
    """Expected calibration error over ten bins of equal width."""
    pairs = [
        (score, answer == q.gold)
        for q in RECORDED
        for s in q.samples.values()
        for score, answer in zip(s.scores, s.answers, strict=True)
    ]
    bins = [[] for _ in range(10)]
    for score, right in pairs:
        bins[min(9, int(10 * score))].append(score - right)
    assert sum(abs(sum(gaps)) for gaps in bins) / len(pairs) < 0.05


def auc(scores, right):
    ranks, n, k = rankdata(scores), len(right), right.sum()
    return (ranks[right].sum() - k * (k + 1) / 2) / (k * (n - k))
