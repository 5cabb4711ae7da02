import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore, Recorder
from bestofinf.evaluation.privacy import Privacy
from bestofinf.hiding import HIDDEN, hide_secrets
from bestofinf.records import Reply

KEYS = [
    "sk-proj-abcdefghijklmnopqrstuv0123456789",
    "sk-ant-api03-abcdefghijklmnopqrstuvwx",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "hf_abcdefghijklmnopqrstuvwxyz",
    "gsk_abcdefghijklmnopqrstuvwxyz",
    "ghp_abcdefghijklmnopqrstuvwxyz012345",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh",
    "Bearer abcdefghijklmnop1234",
    "Authorization: abcdefghijklmnop1",
    'api_key="0123456789abcdef',
    "x-api-key: 0123456789abcdef",
]


def record_one(store, **options):
    with Recorder(store, **options) as recorder:
        recorder.call(
            "c1",
            prompt="My name is Ada, key sk-proj-abcdefghijklmnopqrstuv",
            details={
                "metadata": {"user": "Ada", "api_key": "0123", "headers": {"x": "y"}, "n": 3},
                "tags": ["Ada", "sk-proj-abcdefghijklmnopqrstuv"],
            },
        )
        recorder.sample("c1", 0, member="gpt", answer="Ada", text="You are Ada")
        recorder.sample("c1", 1, member="gpt", error="AuthError: bad key sk-proj-abcdefghijklmnop")
        recorder.end("c1", answer="Ada")
    [(question, [call], samples, _)] = store.records()
    return question, call, samples


@pytest.fixture
def store(sqlite_url):
    with EvaluationStore(sqlite_url) as opened:
        yield opened


def test_answers_alone_are_kept_by_default(store):
    question, call, samples = record_one(store)
    assert question.prompt is None
    assert len(question.prompt_hash) == 64
    assert call.details is None
    assert [s.text for s in samples] == [None, None]
    assert (samples[0].answer, samples[1].error) == ("Ada", "AuthError")


def test_replies_are_kept_when_wished(store):
    question, call, samples = record_one(store, keep="replies")
    assert (question.prompt, call.details) == (None, None)
    assert samples[0].text == "You are Ada"
    assert samples[1].error == f"AuthError: bad key {HIDDEN}"


def test_everything_is_kept_when_wished_but_for_keys(store):
    question, call, samples = record_one(store, keep="all")
    assert "Ada" in question.prompt
    details = json.loads(call.details)
    assert details["metadata"] == {"user": "Ada", "api_key": HIDDEN, "headers": HIDDEN, "n": 3}
    assert details["tags"] == ["Ada", HIDDEN]
    assert "sk-proj" not in question.prompt
    assert samples[0].text == "You are Ada"


def test_redact_is_applied_to_every_text(store):
    question, call, samples = record_one(
        store, keep="all", redact=lambda text: text.replace("Ada", "<name>")
    )
    for text in (question.prompt, call.answer, call.details, samples[0].answer, samples[0].text):
        assert "<name>" in text
        assert "Ada" not in text


def test_gold_is_redacted_like_the_answers(store):
    with Recorder(store, redact=lambda text: text.replace("Ada", "<name>")) as recorder:
        recorder.call("c1", prompt="?")
        recorder.sample("c1", 0, member="gpt", answer="Ada")
        recorder.end("c1", answer="Ada")
        recorder.label("c1", "Ada")
        recorder.verdict("c1", False, answer="not Ada")
    [question] = store.read()
    assert question.gold == question.samples["gpt"].answers[0] == "<name>"
    assert question.wrong == ("not <name>",)


@pytest.mark.parametrize("redact", [lambda text: text / 0, lambda text: None])
def test_what_cannot_be_redacted_is_not_stored(store, redact):
    recorder = Recorder(store, redact=redact)
    recorder.call("c1", prompt="?")
    recorder.sample("c1", 0, member="gpt", answer="Ada")
    recorder.end("c1")
    with pytest.raises(StoreError, match="could not be prepared"):
        recorder.flush()
    assert recorder.stats.rejected == 1
    assert store.status().calls == 0
    recorder.close()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("keep", ["answers", "replies", "all"])
def test_no_key_reaches_the_files(tmp_path, key, keep):
    secret = re.split('[" ]', key)[-1]
    with Recorder(tmp_path / "answers.db", keep=keep) as recorder:
        text = f"before {key} after"
        recorder.call("c1", prompt=text, details={"metadata": {"note": text, "token": secret}})
        recorder.sample("c1", 0, member="gpt", reply=Reply(text), text=text)
        recorder.sample("c1", 1, member="gpt", answer=text, error=f"Error: {text}")
        recorder.end("c1", answer=text)
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()


@given(st.text())
def test_hiding_twice_changes_nothing_more(text):
    once = hide_secrets(text)
    assert hide_secrets(once) == once


@pytest.mark.parametrize(
    "text", ["risk-free choices of the year", "the basic idea", "sk-8 board", "key: value", "42"]
)
def test_ordinary_words_are_left_alone(text):
    assert hide_secrets(text) == text


def test_settings_are_checked():
    with pytest.raises(UsageError, match="'answers', 'replies', 'all', got 'none'"):
        Privacy("none")
    with pytest.raises(UsageError, match="function of a text"):
        Privacy(redact="x")
