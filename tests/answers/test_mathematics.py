"""Mathematical answers: the worker, its limits, and what is asked of it."""

import asyncio
import os
import sys
import threading

import pytest

from bestofinf.answers import AutoAnswer, MathAnswer, mathematics
from bestofinf.answers.maths.client import MathClient
from bestofinf.answers.maths.limits import is_tame
from bestofinf.answers.maths.reading import read
from bestofinf.errors import MissingExtraError
from bestofinf.records import Reply

BOMB = r"\binom{999999999}{499999999}"


@pytest.fixture(scope="module")
def math():
    return MathAnswer()


@pytest.fixture
def client():
    client = MathClient()
    yield client
    client.close()


def test_a_worker_out_of_time_is_replaced(client):
    assert client.values([BOMB]) is None
    assert client.values(["2+3"]) == [["", "5"]]


def test_the_limit_holds_in_threads_and_one_worker_serves_them_all(client):
    found = {}

    def ask(number):
        found[number] = client.values([f"{number}+1"])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    threads.append(threading.Thread(target=lambda: found.update(bomb=client.values([BOMB]))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.pop("bomb") is None
    assert found == {n: [["", str(n + 1)]] for n in range(8)}


def test_a_worker_that_was_killed_is_replaced(client):
    client.values(["1"])
    client._process.kill()
    client._process.wait()
    assert client.values(["2"]) == [["", "2"]]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_starts_a_worker_of_its_own(client):
    client.values(["1"])
    mine = client._process.pid
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            values = client.values(["1+1"])
            os.write(write_end, repr((values, client._process.pid != mine)).encode())
            client._process.kill()
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        assert pipe.read() == repr(([["", "2"]], True))
    os.waitpid(child, 0)
    assert client.values(["3"]) == [["", "3"]]
    assert client._process.pid == mine


def test_where_no_worker_starts_expressions_are_strings_and_a_warning_says_so(monkeypatch, caplog):
    client = MathClient()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(mathematics, "shared_client", lambda: client)
    math = MathAnswer()
    assert not math.same(r"\sqrt{8}", r"2\sqrt{2}")
    assert math.same("0.5", "1/2")
    assert client.values(["1"]) is None
    (record,) = caplog.records
    assert "/nowhere/python" in record.message


def test_values_are_digits_by_which_close_numbers_differ(client):
    values = client.values([r"\frac{1}{3}", "2^{100}", "2^{100}+1", r"\sqrt{2}^2", "x-x", "3+4i"])
    assert values == [
        ["", "0.3333333333333333333333333"],
        ["", "1267650600228229401496703205376"],
        ["", "1267650600228229401496703205377"],
        ["", "2"],
        ["", "0"],
        ["", "3+4i"],
    ]


@pytest.mark.parametrize("text", ["f(x)", r"\int_0^1 x dx", "x<2", r"\infty", "1/0", "nonsense{"])
def test_what_has_no_value_has_none(client, text):
    assert client.values([text]) == [None]


WILD = (
    [BOMB, "10^{10^{10}}", "9^9^9", "999999!", "1/2x", "a/b/c", r"\log x", "f=1", "2024-01-05"],
    ["import os", r"\input{x}", "x" * 500, "(" * 30 + ")" * 30, r"\int_0^1 x", "2 3"],
)


@pytest.mark.parametrize("text", [text for row in WILD for text in row])
def test_the_worker_is_not_asked_about_what_is_not_tame(text):
    assert not is_tame(text)


@pytest.mark.parametrize(
    "text", [r"\frac{1}{2}", "x^2+1", r"\sqrt[3]{x}", r"\sin^2 x", "2^{100}", "x/2"]
)
def test_everyday_expressions_are_tame(text):
    assert is_tame(text)


def test_numbers_need_no_worker(monkeypatch):
    monkeypatch.setattr(mathematics, "shared_client", lambda: pytest.fail("asked the worker"))
    math = MathAnswer()
    assert math.same("0.5", "0.50")
    assert math.same("(1,2)", "(1.0,2)")
    assert not math.same("x=5", "6")


def test_without_the_extra_math_says_what_to_install_and_auto_still_understands_numbers(
    monkeypatch,
):
    monkeypatch.setattr(mathematics, "find_spec", lambda name: None)
    monkeypatch.setattr(mathematics, "shared_client", lambda: pytest.fail("asked the worker"))
    with pytest.raises(MissingExtraError, match=r"bestofinf\[math\]"):
        MathAnswer()
    monkeypatch.setattr("bestofinf.answers.auto.missing_package", lambda: "sympy")
    auto = AutoAnswer()
    assert auto.same("0.5", "1/2")
    assert auto.same("$5", "5")
    assert not auto.same(r"\sqrt{8}", r"2\sqrt{2}")


def test_prepare_makes_same_a_matter_of_looking_up(math, monkeypatch):
    asyncio.run(math.prepare(r"\sqrt{45}", [r"3\sqrt{5}", "x+1"]))
    monkeypatch.setattr(mathematics, "shared_client", lambda: pytest.fail("asked the worker"))
    assert math.same(r"\sqrt{45}", r"3\sqrt{5}")
    assert not math.same(r"\sqrt{45}", "x+1")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"We get \boxed{\dfrac{1}{2}}.", "0.5"),
        (r"So the answer is $x = \frac{3}{4}$.", r"x=\frac{3}{4}"),
        ("#### 1,000", "1000"),
        (r"\frac{\pi}{2}", r"\frac{\pi}{2}"),
        (r"\text{Evelyn}", "Evelyn"),
        ("There are 3 apples and 4 pears on the table in front of the house.", None),
        ("", None),
        (r"\boxed{}", None),
    ],
)
def test_the_answer_is_boxed_announced_or_the_short_reply_itself(math, text, answer):
    assert math.vote(Reply(text=text))[0] == answer


def test_readings_take_structure_apart_without_evaluating():
    assert read("(1,2]").core == ["sequence", "(]", ["number", "1"], ["number", "2"]]
    assert read(r"x\in[0,1]").name == "x"
    assert read(r"5\text{cm}^2").unit == "cm2"
    assert read(r"\{1,2\}").core == ["set", ["number", "1"], ["number", "2"]]
    assert read(r"1\pm x").core == ["set", ["leaf", "1+ x"], ["leaf", "1- x"]]


@pytest.mark.parametrize("line", ["no JSON\n", "[]\n", '{"a": 1}\n', ""])
def test_a_worker_that_answers_nonsense_is_replaced(monkeypatch, line):
    client = MathClient()
    try:
        right = client.values(["1+1", "2"])
        assert right is not None
        with monkeypatch.context() as patched:
            patched.setattr(client._lines, "get", lambda timeout: line)
            assert client.values(["1+1", "2"]) is None
        assert client.values(["1+1", "2"]) == right
    finally:
        client.close()


def test_an_interrupted_request_is_not_answered_to_the_next(monkeypatch):
    client = MathClient()

    def interrupted(timeout):
        raise KeyboardInterrupt

    try:
        right = client.values(["3"])
        with monkeypatch.context() as patched:
            patched.setattr(client._lines, "get", interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.values(["1", "2"])
        assert client.values(["3"]) == right
    finally:
        client.close()
