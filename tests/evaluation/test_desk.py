"""Labels asked for in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bestofinf.cli import labelling
from bestofinf.cli.label import label
from bestofinf.cli.labelling import QUIT, SKIP, UNDO, Desk, read_reply
from bestofinf.errors import UsageError
from bestofinf.evaluation import (
    EvaluationSet,
    EvaluationStore,
    import_files,
    question_id,
    write_file,
)
from support.ensembles import from_votes, made_set


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EvaluationStore]:
    bare = EvaluationSet(
        tuple(
            replace(q, gold=None, prompt=f"Which letter is {q.id}?")
            for q in made_set(60, members=3, samples=8, seed=4)
        )
    )
    write_file(bare, tmp_path / "set.jsonl")
    with EvaluationStore(tmp_path / "s.db") as opened:
        import_files(opened, [tmp_path / "set.jsonl"])
        yield opened


def say(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    said = iter(lines)
    monkeypatch.setattr(labelling.typer, "prompt", lambda *a, **k: next(said))


def provenances(store: EvaluationStore) -> dict[str, tuple[str | None, str | None]]:
    return {q.id: (q.gold, q.provenance) for q in store.read() if q.gold is not None}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2", "B"),
        ("C", "C"),
        ("7", "7"),
        ("=1", "1"),
        ("s", SKIP),
        ("", SKIP),
        ("u", UNDO),
        ("q", QUIT),
        ("= s", "s"),
    ],
)
def test_a_reply_is_a_number_of_a_vote_an_answer_or_a_key(said: str, meant: str) -> None:
    assert read_reply(lambda: said, ["A", "B"]) == meant


def test_the_end_of_the_input_ends_the_questions() -> None:
    def ended() -> str:
        raise EOFError

    assert read_reply(ended, []) == QUIT


def test_asked_labels_are_kept_as_asked_and_can_be_taken_back(
    store: EvaluationStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say(monkeypatch, "1", "u", "2", "A", "s", "q")
    left = Desk(store, "text").ask(5, talking=True)
    kept = provenances(store)
    assert len(kept) == 2
    assert {source for _, source in kept.values()} == {"asked"}
    assert len(left) == 3
    assert "Which letter is" in capsys.readouterr().out
    again = Desk(store, "text").ask(5, talking=False)
    assert not {w.id for w in again} & kept.keys()


def test_random_labels_take_known_ones_along(
    store: EvaluationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Desk(store, "text").random(6, talking=False)
    store.label(first[0].id, "A", provenance="asked")
    say(monkeypatch, *["A"] * 5)
    assert Desk(store, "text").random(6, talking=True) == []
    assert {source for _, source in provenances(store).values()} == {"random"}
    assert len(provenances(store)) == 6


def test_two_candidates_are_decided_and_the_decision_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = [{"x": "A", "y": "B"}] * 20 + [{"x": "C", "y": "C"}] * 20
    open_ = EvaluationSet(tuple(replace(q, gold=None) for q in from_votes(*votes)))
    write_file(open_, tmp_path / "set.jsonl")
    with EvaluationStore(tmp_path / "s.db") as store:
        import_files(store, [tmp_path / "set.jsonl"])
        say(monkeypatch, "A", "A", "u", "A", "q")
        begun = Desk(store, "text").decide("x", "y", talking=True)
        assert not begun.verdict().settled
        say(monkeypatch, *["A"] * 18)
        done = Desk(store, "text").decide("x", "y", talking=True).verdict()
        assert (done.winner, done.settled) == ("first", True)
        assert done.first < 12
        assert {source for _, source in provenances(store).values()} == {"asked"}
        with pytest.raises(UsageError, match="a candidate is a member"):
            Desk(store, "text").decide("x", "nobody", talking=False)
        equal = Desk(store, "text").decide("x", "uniform", talking=False)
        assert len(equal.differing) <= 20


TWO_ENSEMBLES = """
[members.x]
[members.y]
[ensembles.now]
members = { x = 1.0 }
[ensembles.next]
members = { x = 0.1, y = 0.9 }
"""


def test_candidates_come_from_an_ensembles_file_and_from_plain_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = [{"x": "A", "y": "B"}] * 12 + [{"x": "C", "y": "C"}] * 8
    open_ = EvaluationSet(tuple(replace(q, gold=None) for q in from_votes(*votes)))
    write_file(open_, tmp_path / "set.jsonl")
    both, one = tmp_path / "ensemble.toml", tmp_path / "one.toml"
    both.write_text(TWO_ENSEMBLES, encoding="utf-8")
    one.write_text(TWO_ENSEMBLES.split("[ensembles.next]")[0], encoding="utf-8")
    plain = tmp_path / "weights.json"
    plain.write_text('{"y": 1}', encoding="utf-8")
    with EvaluationStore(tmp_path / "s.db") as store:
        import_files(store, [tmp_path / "set.jsonl"])
        for first, second in ((f"{both}:now", f"{both}:next"), (str(one), str(plain))):
            decider = Desk(store, "text").decide(first, second, talking=False)
            assert len(decider.differing) == 12
            assert decider.elected(decider.differing[0]) == ("A", "B")
        with pytest.raises(UsageError, match="name one of its ensembles; there are now, next"):
            Desk(store, "text").decide(str(both), "x", talking=False)
        with pytest.raises(UsageError, match=r"no \[ensembles.other\]"):
            Desk(store, "text").decide(f"{both}:other", "x", talking=False)
        one.write_text(TWO_ENSEMBLES.replace("y", "z"), encoding="utf-8")
        with pytest.raises(UsageError, match="z"):
            Desk(store, "text").decide(f"{one}:next", "x", talking=False)
        say(monkeypatch, *["B"] * 12)
        done = Desk(store, "text").decide(f"{both}:now", f"{both}:next", talking=True).verdict()
        assert (done.winner, done.first) == ("second", 0)


def test_texts_come_from_the_file_that_was_run(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text('{"id": "mine", "prompt": "2 + 3?"}\n', encoding="utf-8")
    texts = labelling.texts_of(tmp_path / "run.jsonl")
    assert texts == {question_id("2 + 3?"): "2 + 3?", "mine": "2 + 3?"}


def test_ids_may_be_begun(tmp_path: Path) -> None:
    votes = from_votes({"x": "AB"}, {"x": "AB"}, {"x": "AB"})
    names = ("q-alpha-1", "q-alpha-2", "q-beta")
    named = tuple(replace(q, id=name) for q, name in zip(votes, names, strict=True))
    write_file(EvaluationSet(named), tmp_path / "set.jsonl")
    with EvaluationStore(tmp_path / "s.db") as store:
        import_files(store, [tmp_path / "set.jsonl"])
        assert store.complete("q-beta") == store.complete("q-be") == "q-beta"
        with pytest.raises(UsageError, match="several ids begin with 'q-al'"):
            store.complete("q-al")
        for nothing in ("q-b", "q-gamma"):
            with pytest.raises(UsageError, match="no question, call"):
                store.complete(nothing)


def run(*arguments: object) -> object:
    app = typer.Typer()
    app.command()(label)
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command_lists_what_to_ask_where_nobody_can_answer(
    store: EvaluationStore, tmp_path: Path
) -> None:
    asked = json.loads(run(tmp_path / "s.db", "--ask", "3", "--json").stdout)
    assert [set(wanted) for wanted in asked] == [{"id", "prompt", "votes", "score", "gold"}] * 3
    assert asked[0]["score"] >= asked[1]["score"] > 0
    drawn = run(tmp_path / "s.db", "--random", "2").stdout
    assert "Which letter is" in drawn
    verdict = json.loads(run(tmp_path / "s.db", "--decide", "m0", "m1", "--json").stdout)
    assert not verdict["settled"]
    assert verdict["next"]["id"]
    both = run(tmp_path / "s.db", "--ask", "3", "--random", "2")
    assert isinstance(both.exception, UsageError)
