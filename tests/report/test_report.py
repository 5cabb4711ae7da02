"""The facts of a report, and what is different from an earlier one."""

import pytest

from bestofinf.cli import main
from bestofinf.errors import UsageError
from bestofinf.evaluation import write_file
from bestofinf.report import changes, facts_there, gather, read_facts
from support.reported import made


@pytest.fixture(scope="module")
def facts():
    return gather(made(), trials=4)


def test_facts_are_gathered_of_every_labelled_question(facts):
    assert len(facts.questions) == 24
    assert facts.confidences.shape == (96, 3)
    assert {q.gold for q in facts.questions} == {"right"}
    assert all(0 < q.share <= 1 for q in facts.questions)


def test_two_members_have_no_map_of_three():
    facts = gather(made(12).only("alpha", "beta"), trials=2)
    assert facts.map_members == ()
    assert len(facts.questions) == 12


def test_the_map_knows_the_corners(facts):
    for place, name in enumerate(facts.map_members):
        corner = [float(i == place) for i in range(3)]
        here = (facts.map_points == corner).all(axis=1)
        wins = sum(q.samples[name].counts().most_common(1)[0][0] == "right" for q in made())
        ties = 2  # the map counts strict wins alone
        assert abs(facts.map_won[here][0] - wins) <= ties


def test_what_has_changed_is_told(facts):
    before = facts.to_json()
    assert changes(before, facts) == []
    told = changes(before, gather(made(26, hard=(3, 4)), trials=4))
    assert "2 questions are new: q24, q25" in told
    assert "2 questions are now wrong: q3, q4" in told


def test_a_file_that_is_no_report_is_refused_as_the_earlier_one(tmp_path):
    other = tmp_path / "other.html"
    for text in ("<html></html>", '<script type="application/json" id="facts">[1]</script>'):
        other.write_text(text)
        with pytest.raises(UsageError, match="not a report"):
            read_facts(other)
        assert facts_there(other) is None
    with pytest.raises(UsageError, match="cannot be read"):
        read_facts(tmp_path / "nowhere.html")
    assert facts_there(tmp_path / "nowhere.html") is None


def test_the_next_report_says_what_has_changed(tmp_path, capsys):
    path, out = tmp_path / "set.jsonl", tmp_path / "report.html"

    def report(rows, *options):
        write_file(rows, path)
        with pytest.raises(SystemExit) as ended:
            main(["report", str(path), "--out", str(out), "--trials", "2", *options])
        assert ended.value.code == 0, capsys.readouterr().err
        return out.read_text(encoding="utf-8")

    assert "Since the last report" not in report(made(12))
    assert "Nothing has changed" in report(made(12))
    kept = tmp_path / "kept.html"
    kept.write_text(out.read_text(encoding="utf-8"), encoding="utf-8")
    assert "1 questions are new: q12" in report(made(13))
    assert "1 questions are new: q12" in report(made(13), "--previous", str(kept))
