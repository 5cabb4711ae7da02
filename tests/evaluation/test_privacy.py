import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.border import HIDDEN, hide_secrets
from bestofinf.errors import StoreError, UsageError
from bestofinf.evaluation import EvaluationStore, Recorder
from bestofinf.evaluation.recording.privacy import Privacy
from bestofinf.records import Reply

KEYS = [  # what must not be seen stands between ‹ and ›
    "‹sk-proj-abcdefghijklmnopqrstuv0123456789›",
    "‹sk-ant-api03-abcdefghijklmnopqrstuvwx›",
    "‹AIzaSyA-1234567890abcdefghijklmnopqrstu›",
    "‹hf_abcdefghijklmnopqrstuvwxyz›",
    "‹gsk_abcdefghijklmnopqrstuvwxyz›",
    "‹ghp_abcdefghijklmnopqrstuvwxyz012345›",
    "‹AKIAIOSFODNN7EXAMPLE›",
    "‹eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh›",
    "‹ya29.a0AfH6SMBx_abcdefghijk›",
    "‹fw_3ZabcdefGHIJKLMNOP12›",
    "‹pa-abcdefghijk123456789lmnop›",
    "Bearer ‹abcdefghijklmnop1234›",
    "Authorization: ‹abcdefghijklmnop1›",
    "Authorization: Token ‹0123456789›",
    "Proxy-Authorization: Basic ‹dXNlcjpwYXNzd29yZA==›",
    "{b'authorization': b'Bearer ‹abcdefghijklmnop1234›'}",
    'api_key="‹0123456789abcdef›',
    "x-api-key: ‹0123456789abcdef›",
    "(b'x-api-key', b'‹0123456789abcdef›')",
    r"{\"api_key\": \"‹0123456789abcdef›\"}",
    "OPENAI_API_KEY=‹0123456789abcdef›",
    "https://user:‹0123456789›@host/path",
    "the proxy http://me:‹pa@ss0123›@proxy:3128 refused",
    "https://‹0123456789abcdef0123›@sentry.example/1",
    "postgresql://app:‹pa55word›@db:5432/x",
    "Server=a;User Id=b;Password=‹c0mpl3x›;Database=d",
    "password=‹hunter2›",
    '"password": "‹hunter›"',
    "https://host/path?key=‹0123456789›",
    "https://host/path?a=b&token=‹0123456789›",
    "https://host.example/c?sv=2020&sig=‹abc%2Bdef%3D›",
    "AccountKey=‹abcd1234+/abcdef==›;",
    "aws_secret_access_key = ‹wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY›",
    "AWS_SESSION_TOKEN=‹FwoGZXIvYXdzEBYaDHqa0AP1›",
    "x-amz-security-token: ‹FwoGZXIvYXdzEBYaDHqa0AP1›",
    "client_secret=‹abcdef-123-def›",
    "Cookie: ‹session=0123456789; other=1›",
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


def test_the_last_message_of_the_user_is_kept_when_wished(store):
    question, call, samples = record_one(store, keep="questions")
    assert (question.prompt, call.details) == (None, None)
    assert "Ada" in question.last_message
    assert "sk-proj" not in question.last_message
    assert [s.text for s in samples] == [None, None]


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
    for text in (
        question.prompt,
        question.last_message,
        call.answer,
        call.details,
        samples[0].answer,
        samples[0].text,
    ):
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


def without_marks(key):
    return re.sub("[‹›]", "", key), re.search("‹(.*)›", key)[1]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_hidden_wherever_it_stands(key):
    key, secret = without_marks(key)
    for before in ("", "Error: ", "x" * 65_530 + " ", "\ud800İ½ " * 20_000):
        for after in ("", " and so on", "\n" + "y" * 70_000):
            assert secret not in hide_secrets(f"{before}{key}{after}")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("keep", ["answers", "questions", "replies", "all"])
def test_no_key_reaches_the_files(tmp_path, key, keep):
    key, secret = without_marks(key)
    with Recorder(tmp_path / "answers.db", keep=keep) as recorder:
        text = f"before {key} after"
        recorder.call("c1", prompt=text, details={"metadata": {"note": text, "token": secret}})
        recorder.sample("c1", 0, member="gpt", reply=Reply(text), text=text)
        recorder.sample("c1", 1, member="gpt", answer=text, error=f"Error: {text}")
        recorder.end("c1", answer=text)
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()


PIECES = [re.sub("[‹›]", "", key) for key in KEYS] + [
    "=",
    ":",
    '"',
    "\\",
    " ",
    "@",
    "key",
    "a1" * 6,
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8))
def test_hiding_twice_changes_nothing_more(parts):
    once = hide_secrets("".join(parts))
    assert hide_secrets(once) == once


@pytest.mark.parametrize(
    "text",
    [
        *("risk-free choices of the year", "the basic idea", "sk-8 board", "key: value", "42"),
        *("the password: required", "max_tokens=1000", "http://127.0.0.1:8080/v1?x=a@b"),
        *("https://example.com:443/path", "cookie: chocolate", "the secret: nobody knows"),
        *("key_performance_indicators", "api key: please set it", "The token is expired"),
    ],
)
def test_ordinary_words_are_left_alone(text):
    assert hide_secrets(text) == text


def test_settings_are_checked():
    with pytest.raises(UsageError, match="'answers', 'questions', 'replies', 'all', got 'none'"):
        Privacy("none")
    with pytest.raises(UsageError, match="function of a text"):
        Privacy(redact="x")
