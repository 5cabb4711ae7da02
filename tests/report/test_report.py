"""The report: what it says, that it is one file, and that a real browser shows it."""

import json
import random
import re
import shutil
import subprocess

import pytest

from bestofinf.cli import main
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationSet, Question, Samples, write_file
from bestofinf.report import gather, write_page, write_pictures
from bestofinf.report.page import read_facts

CHROMIUM = next((p for n in ("chromium", "chromium-browser") if (p := shutil.which(n))), None)

BROWSERS_OWN = {"clients2.google.com", "accounts.google.com", "update.googleapis.com"}
"""What the browser asks for by itself, whatever page it shows."""


def made(questions=24, seed=0, hard=()):
    rng = random.Random(seed)
    rows = []
    for number in range(questions):
        samples = {}
        for place, name in enumerate(("alpha", "beta", "gamma")):
            skill = 0.9 if number % 3 == place else 0.45
            skill = 0.05 if number in hard else skill
            answers = tuple(
                "right" if rng.random() < skill else rng.choice(["a", "b", f"c{place}", None])
                for _ in range(30)
            )
            samples[name] = Samples(answers, (50 + 10 * place,) * 30)
        prompt = f"What of <b>{number}</b> & co </script>?"
        rows.append(Question(f"q{number}", samples, gold="right", prompt=prompt, dataset="made"))
    return EvaluationSet(tuple(rows), name="made <set>")


@pytest.fixture(scope="module")
def facts():
    return gather(made(), trials=4)


def test_the_page_is_one_file_without_references(facts, tmp_path):
    write_page(facts, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    addresses = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert all(a.startswith(("data:", "#")) for a in addresses)
    assert page.count("<svg") == 6
    assert "made &lt;set&gt;" in page
    assert "</script>?" not in page.split('id="facts"')[1].split("</script>")[0]


def test_the_page_keeps_its_facts(facts, tmp_path):
    write_page(facts, tmp_path / "report.html")
    kept = read_facts(tmp_path / "report.html")
    assert kept == json.loads(json.dumps(facts.to_json()))
    assert len(kept["questions"]) == 24


def test_the_next_report_says_what_has_changed(facts, tmp_path):
    path = tmp_path / "report.html"
    write_page(facts, path)
    write_page(facts, path)
    assert "Nothing has changed" in path.read_text()
    write_page(gather(made(26, hard=(3, 4)), trials=4), path)
    page = path.read_text()
    assert "2 questions are new: q24, q25" in page
    assert "2 questions are now wrong: q3, q4" in page


def test_a_file_that_is_no_report_is_refused_as_the_earlier_one(facts, tmp_path):
    other = tmp_path / "other.html"
    other.write_text("<html></html>")
    with pytest.raises(UsageError, match="not a report"):
        write_page(facts, tmp_path / "new.html", previous=other)
    with pytest.raises(UsageError, match="cannot be written"):
        write_page(facts, tmp_path / "nowhere" / "new.html")


def test_the_pictures_can_be_had_alone(facts, tmp_path):
    written = write_pictures(facts, tmp_path / "report.png")
    assert len(written) == 6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


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


def test_the_command_writes_the_page_and_prints_where(tmp_path, capsys):
    write_file(made(12), tmp_path / "set.jsonl")
    out = tmp_path / "page.html"
    with pytest.raises(SystemExit) as ended:
        main(["report", str(tmp_path / "set.jsonl"), "--out", str(out), "--trials", "2", "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["written"] == [str(out)]
    assert out.stat().st_size > 20_000


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_shows_it_without_an_error_or_a_request(facts, tmp_path):
    path = tmp_path / "report.html"
    write_page(facts, path)
    log = tmp_path / "net.json"
    shown = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-extensions", f"--user-data-dir={tmp_path / 'profile'}",
            f"--log-net-log={log}", "--enable-logging=stderr", "--v=0",
            "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert shown.returncode == 0
    assert "24 of 24" in shown.stdout, "the script of the page has not run"
    assert "CONSOLE" not in shown.stderr
    requested = set(re.findall(r'"url":"https?://([^/"]+)', log.read_text()))
    assert requested <= BROWSERS_OWN
