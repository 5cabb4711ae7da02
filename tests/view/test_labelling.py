"""Labels given on the page: blind, saved at once, taken back, by several people."""

import re

import pytest
from starlette.testclient import TestClient

from bestofinf.evaluation import Label
from bestofinf.evaluation.truth import resolve
from bestofinf.view import app
from bestofinf.view.labelling import MOST_BODY, key_of
from bestofinf.view.visits import clean_name
from support.labelled import send, shown
from support.stored import record

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def another(store, access):
    """Return a function that gives the browser of somebody else."""
    application = app(store, access=access)
    opened = []

    def make():
        client = TestClient(application, base_url=BASE)
        client.__enter__()
        opened.append(client)
        client.get("/", params={"token": access.token})
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


def test_what_is_shown_tells_nothing_of_the_votes(browser, store):
    store.add([record("c9", *["x9"] * 17, *["x10"] * 18, "x1", question="blind", member="mistral")])
    number = store.catalogue.find("blind")
    page = browser.get("/label", params={"at": number}).text
    places = [page.index(f'<span class="answer">{a}</span>') for a in ("x1", "x9", "x10")]
    assert places == sorted(places)
    text = re.sub(r"[0-9a-f]{32,}", "", page)
    assert not re.search(r"\b(17|18|36)\b", text)
    assert "mistral" not in page
    assert "lead" not in page


def test_a_label_is_saved_at_once_and_the_next_question_is_shown(browser, store, access):
    page = browser.get("/label").text
    assert shown(page) == 1
    page = send(browser, access, "right", 1, choice=key_of("6"))
    assert "Saved: 6 is right. 1 of 2 votes say so." in page
    [label] = store.labels("q-even")
    assert (label.answer, label.correct, label.source) == ("6", True, "view")
    assert label.provenance == "asked"
    assert shown(page) == 2
    page = send(browser, access, "typed", 2, gold=" 3\r\n")
    assert resolve(store.labels("q-sure")).gold == "3"
    assert shown(page) == 3
    page = send(browser, access, "typed", 3, gold="silence")
    assert shown(page) is None
    assert "Every question is labelled" in page


def test_none_of_these_leaves_the_list_and_nothing_is_held_to_be_right(browser, store, access):
    page = send(browser, access, "none", 1)
    assert shown(page) == 2
    assert resolve(store.labels("q-even")).wrong == ("5", "6")
    assert "no answer that could be wrong" in send(browser, access, "none", 3)
    assert store.labels("silent") == ()


def test_what_is_skipped_comes_again_when_wished(browser, store, access):
    for number in (1, 2, 3):
        page = send(browser, access, "skip", number)
    assert "Show the 3 skipped again" in page
    assert shown(send(browser, access, "again")) == 1
    assert store.status().labels == 0


def test_undo_takes_back_and_lets_stand_what_others_said(browser, store, access, another):
    assert "nothing to take back" in send(browser, access, "undo")
    store.label_all([Label("q-even", "7", provenance="import")], source="Ada")
    send(browser, access, "right", 1, choice=key_of("5"))
    store.verdict("q-even", False, answer="8", source="Grace")
    page = send(another(), access, "undo")
    assert "nothing to take back" in page
    page = send(browser, access, "undo")
    assert "Taken back: 5 is right" in page
    assert shown(page) == 1
    truth = resolve(store.labels("q-even"))
    assert (truth.gold, truth.wrong, truth.provenance) == ("7", ("8",), "import")
    assert len(store.labels("q-even")) == 6, "nothing is deleted"


def test_the_source_says_who_and_whether_the_votes_were_seen(browser, store, access):
    send(browser, access, "name", 1, name="Ada <L> ; é")
    assert 'value="Ada L  é"' in browser.get("/label").text
    page = send(browser, access, "votes", 1)
    assert shown(page) == 1
    assert "You have seen the votes" in page
    send(browser, access, "right", 1, choice=key_of("5"))
    browser.get("/q/2")
    send(browser, access, "right", 2, choice=key_of("2"))
    send(browser, access, "typed", 3, gold="x")
    sources = [store.labels(q)[-1].source for q in ("q-even", "q-sure", "silent")]
    assert sources == ["Ada L  é (votes seen)", "Ada L  é (votes seen)", "Ada L  é"]


@pytest.mark.parametrize("name", ["Żaneta", "李明", "Юлия 2", "50 % sure", "a%C3b"])
def test_a_name_is_in_any_letters(browser, store, access, name):
    known = clean_name(name)
    send(browser, access, "name", 1, name=name)
    assert f'value="{known}"' in browser.get("/label").text
    send(browser, access, "right", 1, choice=key_of("5"))
    assert store.labels("q-even")[-1].source == known


def test_two_people_get_different_questions_and_lose_no_label(store, access, another):
    one, other = another(), another()
    first, second = (shown(c.get("/label?order=asked").text) for c in (one, other))
    assert {first, second} == {1, 2}
    send(one, access, "right", 1, choice=key_of("5"))
    send(other, access, "right", 1, choice=key_of("6"))
    assert [label.answer for label in store.labels("q-even")] == ["5", "6"]


def test_a_restart_goes_on_where_it_stopped(browser, store, access, another):
    send(browser, access, "right", 1, choice=key_of("5"))
    assert shown(another().get("/label?order=asked").text) == 2


def test_the_order_at_random_gives_every_question_once(browser, store, access):
    numbers = [shown(browser.get("/label", params={"order": "random"}).text)]
    while numbers[-1] is not None:
        page = send(browser, access, "typed", numbers[-1], gold="x", order="random")
        numbers.append(shown(page))
    assert sorted(numbers[:-1]) == [1, 2, 3]
    assert {store.labels(q)[0].provenance for q in ("q-even", "silent")} == {"random"}
    assert browser.get("/label", params={"order": "best"}).status_code == 400


def test_a_question_that_was_chosen_is_no_part_of_a_random_sample(browser, store, access):
    drawn = shown(browser.get("/label").text)
    chosen = next(n for n in (1, 2, 3) if n != drawn)
    assert 'name="drawn"' in browser.get("/label").text
    page = browser.get("/label", params={"at": chosen}).text
    assert 'name="order" value="asked"' in page
    page = browser.get("/label", params={"at": chosen, "order": "random"}).text
    assert 'name="drawn"' not in page
    send(browser, access, "typed", chosen, gold="x", order="random")
    send(browser, access, "typed", drawn, gold="x", order="random")
    found = store.catalogue.truths([drawn, chosen])
    assert [found[n][1].provenance for n in (drawn, chosen)] == ["random", "asked"]


def test_what_is_known_already_is_drawn_at_random_like_the_rest(browser, store, access):
    store.add([record(f"d{n}", "a", "b", question=f"d{n}") for n in range(30)])
    for n in range(0, 30, 2):
        store.label(f"d{n}", "a", provenance="asked", source="Ada")
    asked = 0
    while asked < 12:
        number = shown(browser.get("/label", params={"order": "random"}).text)
        send(browser, access, "typed", number, gold="b", order="random")
        asked += 1
    truths = {q: resolve(store.labels(q)) for q in [f"d{n}" for n in range(30)]}
    drawn = {q for q, truth in truths.items() if truth.provenance == "random"}
    again = {q for q in drawn if truths[q].gold == "a"}
    assert again, "what was asked before is in the random sample as well"
    assert all(int(q[1:]) % 2 == 0 for q in again)
    left = {q for q, truth in truths.items() if truth.provenance == "asked"}
    assert left, "but not what stands later in the order"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"word": ""}, 403),
        ({"word": "é"}, 403),
        ({"do": "delete"}, 400),
        ({"number": "x"}, 400),
        ({"number": "9" * 30}, 400),
        ({"order": "best"}, 400),
        ({"gold": "x" * MOST_BODY}, 413),
    ],
)
def test_a_form_that_is_not_the_page_s_own_changes_nothing(browser, store, access, fields, status):
    sent = {"word": access.form, "do": "typed", "number": "1", "gold": "5", "order": "asked"}
    answer = browser.post("/label", data=sent | fields)
    assert answer.status_code == status
    assert store.status().labels == 0


def test_other_kinds_of_bodies_are_refused(browser, store):
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        headers = {"content-type": kind}
        assert browser.post("/label", content=b"{}", headers=headers).status_code == 415
    headers = {"content-type": "application/x-www-form-urlencoded"}
    many = b"&".join(b"a=%d" % n for n in range(99))
    for body in (b"\xff\xfe", many):
        assert browser.post("/label", content=body, headers=headers).status_code == 400


def test_an_answer_that_is_not_there_is_not_right(browser, store, access):
    assert "Choose one of the answers" in send(browser, access, "right", 1, choice=key_of("9"))
    assert "Type the right answer first" in send(browser, access, "typed", 1, gold=" ")
    assert "at most 10,000 characters" in send(browser, access, "typed", 1, gold="x" * 10_001)
    store.delete("q-even")
    assert "no longer in the store" in send(browser, access, "right", 1, choice=key_of("5"))
    assert store.status().labels == 0


def test_answers_that_mean_the_same_are_one_line_and_odd_ones_come_back_whole(
    browser, store, access
):
    odd = "a\u202eb\x00\r\n<i>"
    store.add([record("c9", "1/2", "0.5", odd, question="half")])
    number = store.catalogue.find("half")
    page = browser.get("/label", params={"at": number}).text
    assert "also written" in page
    assert page.count('class="choice"') == 2
    send(browser, access, "right", number, choice=key_of(odd))
    assert store.labels("half")[0].answer == odd
