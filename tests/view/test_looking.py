"""The pages to look at, as they are without JavaScript."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import bestofinf.view
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.rows import CallRecord, CallRow, LabelRow, QuestionRow, SampleRow
from bestofinf.view import app, several
from bestofinf.view.texts import asked, natural, visible

BASE = "http://127.0.0.1:8000"
HOSTILE = "<script>alert(1)</script>\"' onload=alert(2) {{7*7}} &amp; \u202egnp\x00\x1b[2J"


class Tags(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_overview_needs_no_label(browser):
    page = browser.get("/").text
    assert "<dt>questions</dt><dd>3</dd>" in page
    assert "<dt>labelled</dt><dd>0</dd>" in page
    assert "What is 2 + 3?" in page
    assert "TimeoutError (1)" in page
    assert "optimal" in page


def test_an_empty_store_has_an_overview(browser, store, monkeypatch):
    monkeypatch.setattr(bestofinf.view.looking, "FRESH", 0.0)
    for question in ("q-even", "q-sure", "silent"):
        store.delete(question)
    assert "Nothing is recorded yet" in browser.get("/").text
    page = browser.get("/questions").text
    assert "0 questions" in page


def test_what_is_added_is_seen(browser, store, monkeypatch):
    monkeypatch.setattr(bestofinf.view.looking, "FRESH", 0.0)
    assert "<dd>3</dd>" in browser.get("/").text
    store.add([CallRecord(QuestionRow("new", created_at=1.0), CallRow("c9", "new"), ())])
    assert "<dt>questions</dt><dd>4</dd>" in browser.get("/").text


def test_questions_are_listed_filtered_and_sorted(browser):
    def titles(**query):
        page = browser.get("/questions", params=query).text
        return re.findall(r'<h3><a href="/q/\d+">([^<]*)</a>', page)

    assert titles() == ["What is 2 + 3?", "What is 1 + 1?", "silent"]
    assert titles(order="newest") == ["silent", "What is 1 + 1?", "What is 2 + 3?"]
    assert titles(show="failed") == ["What is 2 + 3?"]
    assert titles(q="1 + 1") == ["What is 1 + 1?"]
    assert titles(q="q-s") == ["What is 1 + 1?"]
    assert titles(member="other") == ["What is 2 + 3?"]
    assert titles(one="gpt", other="other") == []
    assert browser.get("/questions", params={"show": "best"}).status_code == 400
    assert browser.get("/questions", params={"after": "x"}).status_code == 400


def test_votes_that_all_stopped_by_themselves_are_told_to_say_little(browser, store, monkeypatch):
    monkeypatch.setattr(bestofinf.view.looking, "FRESH", 0.0)
    hint = "Let some draw a fixed number for the advice"
    assert hint not in browser.get("/").text  # the calls of this store are fixed
    for question in ("q-even", "q-sure", "silent"):
        store.delete(question)
    call = CallRow("c9", "new", kind="ensemble", fixed=False, reason="optimal")
    store.add([CallRecord(QuestionRow("new", created_at=1.0), call, ())])
    assert hint in browser.get("/").text


def test_a_long_list_is_given_in_parts(browser, store, monkeypatch):
    monkeypatch.setattr(bestofinf.view.looking, "PAGE", 2)
    first = browser.get("/questions").text
    following = re.search(r'rel="next" href="([^"]*)"', first)[1].replace("&amp;", "&")
    rest = browser.get(following).text
    assert "silent" in rest
    assert "What is 2 + 3?" not in rest
    assert 'rel="next"' not in rest


def test_a_question_shows_every_reply_and_the_course_of_its_votes(browser):
    page = Tags(browser.get("/q/1").text).text
    assert "What is 2 + 3?" in page
    assert "It is 5." in page
    assert "It is None." in page
    assert "failed: TimeoutError: 30 s" in page
    assert "abstained:" in page
    assert "optimal: lead of 0" in page
    sure = Tags(browser.get("/q/2").text).text
    assert "97.0 %" in sure
    assert "The reply's text was not kept" in sure


def test_a_question_is_found_by_the_beginning_of_its_id_and_by_a_call(browser):
    for key in ("q-ev", "q-even", "c1"):
        answer = browser.get("/q", params={"key": key}, follow_redirects=False)
        assert answer.headers["location"] == "/q/1"
    several = browser.get("/q", params={"key": "q-"}, follow_redirects=False)
    assert several.headers["location"] == "/questions?q=q-"


@pytest.mark.parametrize("path", ["/q/99", f"/q/{10**30}", "/q/x", "/static/../guard.py", "/none"])
def test_what_is_not_there_is_not_found(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_all_that_is_stored_of_a_question_is_given_as_json(browser):
    told = browser.get("/q/1/trace.json").json()
    assert told["question"]["id"] == "q-even"
    assert [s["answer"] for s in told["calls"][0]["samples"]] == ["5", "6", None, None]


def hostile_record():
    samples = (
        SampleRow("c" + HOSTILE, 0, HOSTILE, HOSTILE, text=HOSTILE, weight=0.5),
        SampleRow("c" + HOSTILE, 1, HOSTILE, None, error=HOSTILE),
        SampleRow("c" + HOSTILE, 2, "plain", "x"),
    )
    call = CallRow(
        "c" + HOSTILE, "q" + HOSTILE, kind=HOSTILE, rule=HOSTILE, answer=HOSTILE, reason=HOSTILE,
        winner_member=HOSTILE, details=HOSTILE, started_at=5.0,
    )  # fmt: skip
    labels = (LabelRow("m", "q" + HOSTILE, HOSTILE, source=HOSTILE, at=3.0),)
    question = QuestionRow("q" + HOSTILE, prompt=HOSTILE, dataset=HOSTILE, created_at=2.0)
    return CallRecord(question, call, samples, labels)


def test_texts_from_outside_are_shown_as_text(browser, store, monkeypatch):
    monkeypatch.setattr("bestofinf.view.looking.FRESH", -1.0)  # lists name the new members at once
    monkeypatch.setattr("bestofinf.view.orders.FRESH", -1.0)
    store.add([hostile_record(), replace(hostile_record(), question=None, labels=())])
    paths = [
        "/",
        "/questions",
        "/q/4",
        "/label?at=4",
        "/questions?q=" + "%3Cscript%3E",
        "/q?key=%3Cscript%3E",
    ]
    paths.append("/questions?show=<script>alert(1)</script>")
    calm = [Tags(browser.get(path).text).tags for path in ("/", "/questions", "/q/1", "/label")]
    known = {(tag, name) for page in calm for tag, attrs in page for name in attrs}
    for path in paths:
        page = browser.get(path).text
        tags = Tags(page)
        scripts = [attrs for tag, attrs in tags.tags if tag == "script"]
        assert [s["src"].partition("?")[0] for s in scripts] == ["/static/view.js"]
        for tag, attrs in tags.tags:
            for name in attrs:
                assert not name.startswith("on"), path
                assert (tag, name) in known | {("details", "open"), ("a", "rel")}, (path, tag, name)
        assert "\u202e" not in tags.text
        assert "\x00" not in page
        assert "49" not in re.sub(r"\d{3,}", "", tags.text) or "{{7*7}}" in tags.text


def test_a_page_names_nothing_outside(browser):
    for path in ("/", "/questions", "/q/1", "/label", "/none"):
        for _, attrs in Tags(browser.get(path).text).tags:
            assert "style" not in attrs
            for name in ("href", "src", "action"):
                assert attrs.get(name, "/").startswith(("/", "#")), attrs
                assert not attrs.get(name, "/").startswith("//")


def test_it_can_be_mounted_below_a_path(store, access):
    application = Starlette(routes=[Mount("/view", app(store, access=access))])
    with TestClient(application, base_url="http://127.0.0.1:8000") as client:
        page = client.get("/view/", params={"token": access.token})
        assert page.status_code == 200
        links = [a[n] for _, a in Tags(page.text).tags for n in ("href", "src", "action") if n in a]
        assert all(link.startswith(("/view/", "#")) for link in links)
        for link in links:
            assert client.get(f"/view/{link}" if link[0] == "#" else link).status_code == 200


def test_a_prompt_is_taken_apart():
    prompt = (
        '{"messages":[{"content":"Be brief.","role":"system"},{"content":[{"text":"Which?"},'
        '{"type":"image"}],"role":"user"},{"content":"","role":"assistant","tool_calls":[1]}],'
        '"tools":[{"name":"f"}]}'
    )
    found = asked(prompt)
    assert found.question.startswith("Which?\n{")
    assert [m.role for m in found.before] == ["System", "Assistant"]
    assert '"tool_calls"' in found.before[1].text
    assert '"f"' in found.tools
    for plain in ("Which?", "{not json", '{"messages": []}', '{"messages": [1]}', "[]"):
        assert asked(plain).question == plain
    assert asked(None) is None


def test_nothing_stays_unseen_in_a_text():
    assert visible("a\u202eb\x00\u200bc") == "a⟨U+202E⟩b⟨U+0000⟩⟨U+200B⟩c"
    assert visible("é\r\n\t👩\u200d💻") == "é\n\t👩\u200d💻"


def test_answers_are_sorted_by_their_text_alone():
    assert sorted(["10", "9", "b2", "b10", "A"], key=natural) == ["9", "10", "A", "b2", "b10"]


def test_the_own_files_are_small_and_alone():
    folder = Path(bestofinf.view.__file__).parent / "static"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60_000


def test_labels_that_no_longer_hold_say_so(browser, store):
    store.label("q-even", "6", source="ann")
    store.label("q-even", "5", source="ben")
    number = store.catalogue.find("q-even")
    page = browser.get(f"/q/{number}").text
    said = page.partition('id="labels"')[2].partition("</ul>")[0]
    assert said.count("overruled") == 1
    assert "overruled" in said.partition(">6<")[2].partition("</li>")[0]
    listed = browser.get("/questions", params={"show": "disputed"}).text
    assert "What is 2 + 3?" in listed
    assert "What is 1 + 1?" not in listed


def test_log_probabilities_are_told_of_a_token_too(browser, store):
    call = CallRow("c8", "likely")
    row = SampleRow(
        "c8", 0, "gpt", "5", logprob=-3.0, logprob_tokens=12, logprob_kind="processed", counted=True
    )
    store.add([CallRecord(QuestionRow("likely", created_at=1.0), call, (row,))])
    page = browser.get(f"/q/{store.catalogue.find('likely')}").text
    assert '<td class="n">-3</td><td class="n">-0.25</td>' in page
    assert "Log-probabilities, in nats, are processed." in page
    assert "Log-probabilities" not in browser.get(f"/q/{store.catalogue.find('q-sure')}").text


def test_several_stores_have_a_page_each(store, access, tmp_path):
    with EvaluationStore(tmp_path / "other.db") as other:
        other.add(
            [CallRecord(QuestionRow("elsewhere", created_at=1.0), CallRow("c9", "elsewhere"), ())]
        )
        with TestClient(several([store, other], access=access), base_url=BASE) as client:
            assert client.get("/").status_code == 403
            page = client.get("/", params={"token": access.token}).text
            assert re.findall(r'href="(/\d/)">([^<]+)</a>', page) == [
                ("/1/", "answers.db"),
                ("/2/", "other.db"),
            ]
            assert 'href="/">Stores</a>' in client.get("/2/").text
            assert "elsewhere" in client.get("/2/questions").text
            assert "elsewhere" not in client.get("/1/questions").text
            assert client.get("/static/view.css").status_code == 200
            given = {"word": access.form, "do": "typed", "number": "1", "gold": "x"}
            assert client.post("/2/label", data=given).status_code == 200
        assert other.status().labels == 1
        assert store.status().labels == 0
