"""The page as one file: what is in it, that it asks for nothing, and its figures as files."""

import json
import re

import pytest

from bestofinf.cli import main
from bestofinf.errors import UsageError
from bestofinf.evaluation import EvaluationStore, import_files, write_file
from bestofinf.evaluation.rows import SampleRow
from bestofinf.report import gather, overview, read_facts
from bestofinf.view import Worked, write_pictures, write_report
from bestofinf.view.pictures import of_facts
from support import browser as real
from support.reported import made
from support.stored import record

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.fixture(scope="module")
def facts():
    return gather(made(), trials=4)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    write_file(made(), folder / "set.jsonl")
    with EvaluationStore(folder / "answers.db") as opened:
        import_files(opened, [folder / "set.jsonl"])
        yield opened


def report(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["report", *map(str, arguments)])
    return ended.value.code


def test_the_page_is_one_file_without_references(filled, facts, tmp_path):
    out = tmp_path / "report.html"
    exported = write_report(filled, out, worked=Worked(24, facts), overview=overview(made()))
    assert (exported.questions, exported.all_questions) == (24, 24)
    page = out.read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href|url|action)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert addresses
    assert all(a.startswith(("data:", "#")) for a in addresses)
    assert "What of <b>" not in page
    assert "What of &lt;b&gt;" in page
    assert "made &lt;set&gt;" in page
    assert "Two members agree: alpha and beta" in page
    assert "Accuracy against cost" in page
    assert "the star is the advice" in page
    assert page.count("How each vote went") == 24
    assert page.count("The advised weights elect") == 24
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    ids = re.findall(r' id="([^"]+)"', page)
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))
    assert read_facts(out) == json.loads(json.dumps(facts.to_json()))


def test_questions_beyond_the_size_are_left_out_and_counted(filled, tmp_path):
    out = tmp_path / "report.html"
    exported = write_report(filled, out, most=60_000)
    assert 0 < exported.questions < 24
    told = f"The {exported.questions} most contested of 24 questions are in this file"
    assert told in out.read_text(encoding="utf-8")
    assert write_report(filled, out, most=0).questions == 0
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(filled, tmp_path / "nowhere" / "report.html", most=0)


def test_nothing_in_a_store_becomes_markup(tmp_path):
    with EvaluationStore(tmp_path / "answers.db") as store:
        call = record("c1", EVIL, "5", question=EVIL, member=EVIL, reason=EVIL)
        broken = SampleRow("c1", 2, EVIL, None, error=EVIL, text=EVIL)
        store.add([type(call)(call.question, call.call, (*call.samples, broken))])
        store.label(EVIL, EVIL, source=EVIL)
        write_report(store, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_the_command_takes_stores_files_and_both(filled, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert report(filled.name, "--out", out, "--trials", 2, "--json") == 0
    assert json.loads(capsys.readouterr().out)["written"] == [str(out)]
    with EvaluationStore(tmp_path / "other.db") as store:
        store.add([record("c9", "5", "6", question="of the other store")])
    write_file(made(3), tmp_path / "some.jsonl")
    both = (tmp_path / "other.db", tmp_path / "some.jsonl")
    assert report(*both, "--out", out, "--size", 0.05) == 0
    told = capsys.readouterr().out
    assert "most contested of 4 questions fit into 0.05 MB; --size takes more" in told.replace(
        "\n", " "
    )
    assert "3 are labelled" in out.read_text(encoding="utf-8")


def test_figures_can_be_had_alone(facts, tmp_path, capsys):
    names = list(of_facts(facts))
    assert {"frontier", "calibration", "agreement", "simplex", "samples", "weights"} <= set(names)
    for form, beginning in (("svg", b"<svg"), ("png", b"\x89PNG")):
        written = write_pictures(facts, tmp_path / f"report.{form}", form)
        assert [path.name for path in written] == [f"report-{name}.{form}" for name in names]
        assert all(path.read_bytes().startswith(beginning) for path in written)
    write_file(made(4), tmp_path / "few.jsonl")
    assert report(tmp_path / "few.jsonl", "--out", tmp_path / "x.svg", "--format", "svg") == 2
    assert "figures need 10 labelled questions or more, got 4" in capsys.readouterr().err


def test_figures_are_whole_documents(facts, tmp_path):
    from xml.etree import ElementTree

    for path in write_pictures(facts, tmp_path / "report.svg", "svg"):
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert next(iter(root)).text


@pytest.mark.skipif(real.reason_not_to_run() is not None, reason=str(real.reason_not_to_run()))
def test_a_browser_shows_it_without_an_error_or_a_request(filled, facts, tmp_path):
    path = tmp_path / "report.html"
    write_report(filled, path, worked=Worked(24, facts))
    wrong = []
    with real.chromium() as chromium:
        page = real.new_page(chromium, viewport={"width": 390, "height": 800})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url))
        page.goto(path.as_uri() + "#q-3")
        assert page.text_content("ol[data-filter] ~ *, .filters [role=status]") == "24 of 24"
        assert page.is_visible("#q-3")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.fill(".filters input", "what of <b>7</b>")
        assert page.text_content(".filters [role=status]") == "1 of 24"
        page.fill(".filters input", "")
        page.select_option(".filters select", "wrong")
        wrong_ones = sum(not q.right for q in facts.questions)
        assert page.text_content(".filters [role=status]") == f"{wrong_ones} of 24"
    assert [told.partition("#")[0] for told in wrong] == [path.as_uri()]
