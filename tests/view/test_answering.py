"""How replies are read, as a page."""

import time
from dataclasses import replace

import pytest

from bestofinf.evaluation import EvaluationStore
from support.stored import record

EVIL = "<b>no</b> idea"


@pytest.fixture
def store(tmp_path):
    with EvaluationStore(tmp_path / "answers.db") as opened:
        call = record("c1", "1000", "1000", None, question="sum")
        said = ("The answer is 1000.", "The answer is 1,000.", EVIL)
        texts = (replace(s, text=text) for s, text in zip(call.samples, said, strict=True))
        opened.add([replace(call, samples=tuple(texts))])
        yield opened


def read(browser, answer):
    until = time.monotonic() + 60
    page = browser.get("/answers", params={"answer": answer}).text
    while "Reading" in page or f"<code>{answer}</code>" not in page:
        assert time.monotonic() < until, page
        time.sleep(0.1)
        page = browser.get("/answers", params={"answer": answer}).text
    return page


def test_what_is_read_lost_and_merged_is_shown(browser):
    assert "Shown is which replies have an answer" in browser.get("/answers").text
    page = read(browser, "number")
    assert "3 replies read as <code>number</code>: 2 have an answer, 1 have none" in page
    assert EVIL not in page
    assert "&lt;b&gt;no&lt;/b&gt; idea" in page
    merges = page.partition('id="merges"')[2]
    assert "The answer is 1000." in merges
    assert "The answer is 1,000." in merges
    assert "<code>text</code>" in read(browser, "text")


def test_an_answer_type_that_is_not_there_is_not_found(browser):
    assert browser.get("/answers", params={"answer": "best"}).status_code == 404
