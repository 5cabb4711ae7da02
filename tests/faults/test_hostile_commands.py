"""Texts and numbers made to hurt, through `bestofinf ask` and `bestofinf advise`."""

import itertools
import json
import os
import random

import pytest

from bestofinf.cli import main
from bestofinf.evaluation import EvaluationStore
from bestofinf.evaluation.rows import CallRecord, CallRow, LabelRow, QuestionRow, SampleRow
from support.backends import FunctionBackend
from support.hostile import NUMBERS, TEXTS
from support.reply import Served
from support.request import RefusedRequest

LARGE = "ten megabytes"
OBEYED = "\x1b]", "\x1b[2J", "\x07", "\x00", "\u202e", "\ud800"
PLACES = ("reply", "error", "name", "question")
soak = pytest.mark.soak


def told(*words, capsys):
    """Run a command, which must succeed, and return what it wrote to stdout and stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    out, error = capsys.readouterr()
    assert ended.value.code in (0, None), error
    assert "Traceback" not in out + error
    assert not any(sign in out + error for sign in OBEYED)
    return out, error


# -- ask ----------------------------------------------------------------------------------------


def asked(serve, capsys, reply, *, name="odd", question="2 + 3?", options=("--json",)):
    """Ask three members, of which the last replies as it likes.

    It is asked last: free text as the first reply of all would end the vote.
    """

    def say(request):
        return "The answer is 5." if request.model in ("one", "two") else reply()

    server = serve(FunctionBackend(say))
    members = [f"--model={member}@{server.url}" for member in ("one", "two", name)]
    return told("ask", question, *members, "--rule=fixed:n=6", *options, capsys=capsys)


def refused(text):
    raise RefusedRequest(text, status=400)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [k if k != LARGE else pytest.param(k, marks=soak) for k in TEXTS])
def test_a_hostile_text_does_not_decide_what_is_asked(kind, place, serve, capsys, monkeypatch):
    text = TEXTS[kind]
    says = {"reply": lambda: text, "error": lambda: refused(text)}.get(place, lambda: "no idea")
    given = {
        "name": text if place == "name" else "odd",
        "question": f"2 + 3? {text}" if place == "question" else "2 + 3?",
    }
    out, _ = asked(serve, capsys, says, **given)
    decided = json.loads(out)
    assert decided["answer"] == "5"
    assert decided["reply"] == "The answer is 5."
    monkeypatch.setenv("FORCE_COLOR", "1")  # the vote is drawn as on a terminal
    out, drawn = asked(serve, capsys, says, **given, options=())
    assert out.startswith("The answer is 5.")
    assert "samples; the latest from" in drawn


@pytest.mark.parametrize("kind", [k if k != LARGE else pytest.param(k, marks=soak) for k in TEXTS])
def test_a_hostile_reply_that_wins_is_shown_as_a_text(kind, serve, capsys):
    text = TEXTS[kind]
    server = serve(FunctionBackend(lambda request: f"{text}\nThe answer is 5."))
    command = ["ask", "2 + 3?", "-m", f"one@{server.url}", "--answer", "number"]
    out, _ = told(*command, "--json", capsys=capsys)
    assert json.loads(out)["answer"] == "5"
    # JSON joins two halves of a character that stand side by side.
    assert json.loads(out)["reply"] == json.loads(json.dumps(f"{text}\nThe answer is 5."))
    out, _ = told(*command, capsys=capsys)
    assert "The answer is 5." in out


def test_hostile_numbers_of_tokens_do_not_decide_what_is_asked(serve, capsys):
    def decided(values, *options):
        told = itertools.cycle(values)

        def says():
            usage = dict.fromkeys(
                ("prompt_tokens", "completion_tokens", "total_tokens"), next(told)
            )
            return Served("The answer is 6.", usage=usage)

        rule = f"--rule=fixed:n={3 * len(NUMBERS)}"
        return asked(serve, capsys, says, options=(rule, *options))[0]

    known = ("answer", "votes", "reason", "n_samples", "confidence")
    unknown, hostile = (json.loads(decided(values, "--json")) for values in ([None], NUMBERS))
    assert [hostile[key] for key in known] == [unknown[key] for key in known]
    assert hostile["answer"] == "5"
    assert list(hostile["usage_by_member"].values()) == list(unknown["usage_by_member"].values())
    assert decided(NUMBERS) == decided([None])


# -- advise -------------------------------------------------------------------------------------

N = 12
SKILLS = {"odd": 0.6, "one": 0.7}  # chance to be right


def filled(url, *, reply=None, error="Error", name="", question=""):
    """Fill a store with labelled questions, to the first of which a member says nothing once and fails once.

    A hostile name follows the member's own, so that the order of the members stays.
    """
    rng = random.Random(1)
    names = [f"odd{name}", "one"]
    with EvaluationStore(url) as store:
        for n in range(N):
            rows = [
                SampleRow(f"c{n}", 6 * m + i, names[m], rng.choices("rw", (p, 1 - p))[0], tokens=9)
                for m, p in enumerate(SKILLS.values())
                for i in range(6)
            ]
            if n == 0:
                rows[2] = SampleRow(f"c{n}", 2, names[0], text=reply, tokens=9)
                rows[3] = SampleRow(f"c{n}", 3, names[0], error=error)
            said = question if n == 0 else ""
            asked = QuestionRow(f"q{n:02}{said[:400]}", prompt=f"2 + {n}? {said}")
            call = CallRow(f"c{n}", asked.id, fixed=True)
            label = LabelRow(f"l{n}", asked.id, "r", provenance="random")
            store.add([CallRecord(asked, call, tuple(rows), (label,))])


def exact(advice):
    """Return the figures of an advice that are not drawn at random, which names and ids seed."""
    once = [o["accuracy"] for name, o in advice["heldout"].items() if name.startswith("one answer")]
    return once, [advice[key] for key in ("labels", "questions")], advice["limit"]


def figures(advice):
    """Return all figures of an advice."""
    outcomes = [list(outcome.items()) for outcome in advice["heldout"].values()]
    return exact(advice), outcomes, [advice[key] for key in ("gain", "rule", "weights", "verdict")]


ADVISE = ("advise", "--rule", "balanced", "--trials", "2")
QUICK = [("escape sequences", "reply", "sqlite"), ("NUL", "name", "postgresql")]
CASES = [
    pytest.param(*case, marks=[] if case in QUICK else [soak])
    for case in itertools.product(TEXTS, PLACES, ("sqlite", "postgresql"))
    if case[:2] != (LARGE, "name")  # which the border cuts before any store
]


@pytest.mark.parametrize(("kind", "place", "store"), CASES)
def test_a_hostile_text_in_a_store_changes_no_advice(kind, place, store, new_store, capsys):
    url, plain_url = new_store(store), new_store("sqlite")
    filled(url, **{place: TEXTS[kind]})
    filled(plain_url)
    plain, hostile = (
        json.loads(told(*ADVISE, path, "--json", capsys=capsys)[0]) for path in (plain_url, url)
    )
    kept = exact if place in ("name", "question") else figures
    assert kept(hostile) == kept(plain)
    out, _ = told(*ADVISE, url, "--all", capsys=capsys)
    assert f"Judged on {N} of {N} labelled questions" in out


def test_hostile_numbers_change_no_advice(tmp_path, capsys):
    def advised(name, values):
        told_of = itertools.cycle(values)
        rng = random.Random(1)
        path = tmp_path / name
        with path.open("w") as file:
            for n in range(N):
                samples = {
                    member: [
                        [rng.choices("rw", (p, 1 - p))[0], next(told_of), next(told_of)]
                        for _ in range(6)
                    ]
                    for member, p in SKILLS.items()
                }
                file.write(json.dumps({"id": n, "gold": "r", "samples": samples}) + "\n")
        return json.loads(told(*ADVISE, path, "--json", capsys=capsys)[0])

    assert advised("hostile.jsonl", NUMBERS) == advised("unknown.jsonl", [None])


# -- files --------------------------------------------------------------------------------------

ASKED = json.dumps(
    {"id": "1", "question": "2 + 3?", "gold": "5", "samples": {"one": [["5"], ["4"]]}}
)
FILES = {
    "not UTF-8": ASKED.encode() + b"\n\xff\xfe\n",
    "UTF-16": ASKED.encode("utf-16"),
    "NUL behind it": ASKED.encode() + b"\n\0\0\n",
    "brackets that end nowhere": ASKED.encode() + b"\n" + b"[" * 100_000 + b"\n",
    "brackets within brackets": b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "a number of 6,000 digits": b'{"id": ' + b"9" * 6_000 + b', "question": "2 + 3?"}\n',
    "no object": b"[]\n",
    "nothing": b"",
}
READ = {
    "run": ("run", "FILE", "-m", "tiny:sum", "--out", "OUT"),
    "label": ("label", "STORE", "--file", "FILE"),
    "import": ("import", "STORE", "FILE"),
    "table": ("table", "FILE"),
    "replay": ("replay", "FILE", "--rule", "balanced"),
    "weights": ("replay", "SET", "--rule", "balanced", "--weights", "FILE"),
    "weights to ask with": ("ask", "2 + 3?", "-m", "tiny:sum", "--weights", "FILE"),
    "check": ("answers", "check", "FILE"),
    "advise": ("advise", "FILE"),
    "calibrate": ("calibrate", "FILE"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", READ)
def test_a_file_that_cannot_be_read_ends_a_command_with_one_line(command, name, tmp_path, capsys):
    places = {kind: tmp_path / f"{kind}.jsonl" for kind in ("FILE", "SET", "OUT")}
    places |= {"STORE": tmp_path / "answers.db"}
    places["FILE"].write_bytes(FILES[name])
    places["SET"].write_text(ASKED)
    filled(f"sqlite:///{places['STORE']}")
    refused_in_a_line(*(str(places.get(word, word)) for word in READ[command]), capsys=capsys)


def refused_in_a_line(*words, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*words])
    _, error = capsys.readouterr()
    assert ended.value.code == 2, error
    assert "Traceback" not in error
    (line,) = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(line) < 500


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("command", [*READ, "ensemble"])
def test_a_pipe_is_refused_and_not_waited_for(command, tmp_path, capsys):
    places = {kind: tmp_path / f"{kind}.jsonl" for kind in ("FILE", "SET", "OUT")}
    places |= {"STORE": tmp_path / "answers.db"}
    os.mkfifo(places["FILE"])
    places["SET"].write_text(ASKED)
    filled(f"sqlite:///{places['STORE']}")
    words = READ.get(command, ("ask", "2 + 3?", "FILE"))
    refused_in_a_line(*(str(places.get(word, word)) for word in words), capsys=capsys)


@pytest.mark.parametrize("command", ["import", "table", "check"])
@pytest.mark.parametrize("begins", [b"\xef\xbb\xbf", b""])
def test_a_mark_of_the_encoding_is_no_part_of_the_text(command, begins, tmp_path, capsys):
    path = tmp_path / "FILE.jsonl"
    rows = [ASKED.replace('"id": "1"', f'"id": "{n}"') for n in range(3)]
    path.write_bytes(begins + "\r\n".join(rows).encode())
    places = {"FILE": path, "STORE": tmp_path / "answers.db"}
    told(*(places.get(word, word) for word in READ[command]), capsys=capsys)


@pytest.mark.parametrize("text", ["a = " + "[" * 9_000, "max_samples = " + "9" * 6_000, "a = \0"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_so_does_the_file_of_an_ensemble(text, encoding, tmp_path, capsys):
    path = tmp_path / "ensemble.toml"
    path.write_bytes(text.encode(encoding))
    refused_in_a_line("ask", "2 + 3?", str(path), capsys=capsys)


@pytest.mark.parametrize(
    "address", ["a\0b.db", "sqlite:///a\0b.db", "a\udcffb.db", "x://", "mysql://a/b"]
)
@pytest.mark.parametrize("command", ["status", "export", "run"])
def test_so_does_what_is_no_address_of_a_store(address, command, tmp_path, capsys):
    questions = tmp_path / "questions.jsonl"
    questions.write_text(ASKED)
    out = ["--out", str(tmp_path / "out.jsonl")]
    words = {
        "status": ["status", address],
        "export": ["export", address, out[1]],
        "run": ["run", str(questions), "-m", "tiny:sum", *out, "--store", address],
    }
    refused_in_a_line(*words[command], capsys=capsys)
