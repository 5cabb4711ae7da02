"""The order that decides between two candidates, and what is asked first for the weights."""

import re

import pytest

from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore, Label
from bestofinf.evaluation.store.listing import Wanted
from bestofinf.view.deciding import EQUAL, Deciding, purpose
from bestofinf.view.orders import Order, Orders
from support.labelled import send, shown
from support.stored import record

DECIDE = {"order": "decide", "first": "one", "second": "other"}


@pytest.fixture
def store(tmp_path):
    """Two members that differ on 8 of 12 questions; on these the first is always right."""
    with EvaluationStore(tmp_path / "answers.db") as opened:
        for number in range(12):
            second = "right" if number % 3 == 0 else "wrong"
            for member, answer in (("one", "right"), ("other", second)):
                call = record(
                    f"{member}{number}", *[answer] * 3, question=f"q{number}", member=member
                )
                opened.add([call])
        yield opened


DIFFERING = {f"q{number}" for number in range(12) if number % 3}


def id_of(store, number):
    return store.catalogue.entry(number).question.id


def test_only_questions_that_differ_are_asked_until_it_is_settled(browser, store, access):
    page = browser.get("/label", params=DECIDE).text
    asked = []
    while (number := shown(page)) is not None:
        asked.append(id_of(store, number))
        page = send(browser, access, "typed", number, gold="right", **DECIDE)
    assert "It is settled" in page
    assert "one is better: 5 to 0, for certain" in page
    assert set(asked) <= DIFFERING
    assert len(asked) == 5  # more than half of the 8: the rest cannot change it
    sources = {label.source for id_ in asked for label in store.labels(id_)}
    assert sources == {"view, decide one other"}


def test_what_is_settled_does_not_depend_on_when_the_program_was_started(store):
    before = Deciding(store)
    number = before.following("one", "other", ())
    store.label_all([Label(id_of(store, number), "right")], source=purpose("one", "other"))
    assert before.standing("one", "other") == Deciding(store).standing("one", "other")
    assert before.standing("one", "other").verdict.first == 1
    assert before.following("one", "other", ()) == Deciding(store).following("one", "other", ())
    assert before.following("one", "other", (number,)) != number


def test_labels_of_another_purpose_count_for_what_they_are_alone(store):
    for number in (1, 2):
        store.label(f"q{number}", "right", source="somebody")
    verdict = Deciding(store).standing("one", "other").verdict
    assert (verdict.first, verdict.left, verdict.new_questions) == (2, 6, 1.0)


def test_candidates_that_cannot_be_compared_are_refused(browser, store):
    for first, second, told in (
        ("one", "one", "two different candidates"),
        ("one", "<b>", "a candidate is a member or"),
    ):
        answer = browser.get("/label", params=DECIDE | {"first": first, "second": second})
        assert answer.status_code == 400
        assert told in answer.text
        assert "<b>" not in answer.text
    store.add([record("c", "x", question="alone", member="third")])
    with pytest.raises(UsageError, match="same answer to every question"):
        Deciding(store).following("one", "third", ())


def test_the_advice_offers_what_may_be_decided_between(browser):
    page = browser.get("/advice").text
    offered = re.findall(r'<option value="([^"]+)">', page)
    assert offered == ["one", "other", EQUAL, EQUAL, "other", "one"]


def test_what_teaches_most_comes_first_and_the_rest_follows(store):
    orders, passed, asked = Orders(store), set(), []
    while (number := orders.following(Order("asked"), passed)) is not None:
        asked.append(id_of(store, number))
        passed.add(number)
    assert set(asked) == {f"q{number}" for number in range(12)}
    assert set(asked[:8]) == DIFFERING


def test_votes_of_a_store_are_those_of_its_samples(store):
    store.add([record("c", "x", None, "x", "y", question="mixed", member="third")])
    number = store.catalogue.find("mixed")
    (question,) = store.catalogue.votes([number, 10**6])
    assert question.samples["third"].counts() == {"x": 2, "y": 1}
    assert len(question.samples["third"]) == 4
    everything = store.catalogue.votes(sorted(store.catalogue.numbers(Wanted())))
    read = store.read()
    for mine, theirs in zip(everything, read, strict=True):
        assert mine.id == theirs.id
        assert {m: s.counts() for m, s in mine.samples.items()} == {
            m: s.counts() for m, s in theirs.samples.items()
        }
