"""The page in a real browser: by keys alone, two at once, killed in the middle, small and large."""

from dataclasses import replace
from importlib.util import find_spec

import pytest

from bestofinf import tiny
from bestofinf.evaluation import EvaluationSet, EvaluationStore, Samples, import_files, write_file
from bestofinf.view import write_report
from support import browser as real

pytestmark = pytest.mark.skipif(
    real.reason_not_to_run() is not None, reason=str(real.reason_not_to_run())
)

PAGES = ("/", "/questions", "/q/1", "/label", "/answers")

# What a phone's reader would stumble over: text wider than the screen, and letters too small.
FAULTS = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
  for (const box of document.querySelectorAll("button, a, input, select")) {
    const name = box.getAttribute("aria-label") || box.textContent.trim() || box.title ||
      (box.labels && box.labels.length ? box.labels[0].textContent.trim() : "");
    if (!name && box.type !== "hidden") found.push("no name: " + box.outerHTML.slice(0, 80));
  }
  for (const text of document.querySelectorAll(".figure text")) {
    const scale = text.ownerSVGElement.getBoundingClientRect().width / 360;
    if (12 * scale < 9) found.push("small letters: " + text.textContent);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def chromium():
    with real.chromium() as browser:
        yield browser


def collected(path, questions):
    """Make a store of what the tiny models answered, without labels."""
    rows = [
        replace(
            question,
            gold=None,
            samples={m: Samples(s.answers[:6], s.tokens[:6]) for m, s in question.samples.items()},
        )
        for question in list(tiny.recorded())[:questions]
    ]
    write_file(EvaluationSet(tuple(rows)), path.with_suffix(".jsonl"))
    with EvaluationStore(path) as store:
        import_files(store, [path.with_suffix(".jsonl")])
    return path


@pytest.fixture
def serving():
    """Return a function that serves a store."""
    started = []

    def serve(path, port=0, *options):
        started.append(real.Served(path, port, *options))
        return started[-1]

    yield serve
    for served in started:
        served.kill()


def label_by_keys(chromium, serving, path, questions, killed_at):
    served = serving(path)
    one, other = real.Tab(chromium, served.address), real.Tab(chromium, served.address)
    times = []
    for tab in (one, other):
        tab.go("/label")
    assert one.question() != other.question()
    for number in range(questions):
        tab = other if number % 5 == 4 else one
        times.append(tab.press("1"))
        if number == killed_at:
            served.kill()
            tab.page.keyboard.press("1")
            tab.page.wait_for_selector(".said.bad")
            assert "Not saved" in tab.page.text_content("#said")
            served = serving(path, served.port)
            assert tab.wrong, "the browser tells of the lost connection itself"
            tab.wrong.clear()
            for resumed in (one, other):
                resumed.go("/label")
    with EvaluationStore(path, readonly=True) as store:
        labels = [label for _, _, _, labels in store.records() for label in labels]
    assert len(labels) == questions
    assert len({label.question_id for label in labels}) == questions
    assert {label.provenance for label in labels} == {"random"}
    assert one.wrong == other.wrong == []
    return sorted(times)


def test_questions_are_labelled_by_keys_and_none_is_lost(chromium, serving, tmp_path):
    path = collected(tmp_path / "answers.db", 20)
    times = label_by_keys(chromium, serving, path, 7, killed_at=3)
    assert times[3] < 1.5


@pytest.mark.soak
def test_two_hundred_questions_are_labelled_by_keys(chromium, serving, tmp_path):
    path = collected(tmp_path / "answers.db", 230)
    times = label_by_keys(chromium, serving, path, 200, killed_at=100)
    assert times[100] < 0.15


def test_keys_do_what_buttons_do_and_leave_fields_alone(chromium, serving, tmp_path):
    path = collected(tmp_path / "answers.db", 6)
    tab = real.Tab(chromium, serving(path).address)
    tab.go("/label")
    page, first = tab.page, tab.question()
    page.keyboard.press("g")
    page.keyboard.type("1s0")
    assert (tab.question(), page.input_value("#gold")) == (first, "1s0")
    tab.press("Enter")
    assert "Saved: 1s0 is right" in page.text_content("#said")
    tab.press("u")
    assert tab.question() == first
    assert "Taken back" in page.text_content("#said")
    tab.press("s")
    tab.press("0")
    tab.press("k")
    tab.press("j")
    page.keyboard.press("v")
    page.wait_for_selector(".choice .count")
    page.keyboard.press("/")
    page.wait_for_selector(".filters")
    with EvaluationStore(path, readonly=True) as store:
        assert store.status().labels > 2
    assert tab.wrong == []


def test_keys_do_nothing_where_they_are_turned_off(chromium, serving, tmp_path):
    tab = real.Tab(chromium, serving(collected(tmp_path / "answers.db", 3), 0, "--no-keys").address)
    tab.go("/label")
    first = tab.question()
    for key in "1s0":
        tab.page.keyboard.press(key)
    assert not tab.page.is_visible("kbd >> nth=0")
    tab.page.click("button >> text=Skip")
    tab.page.wait_for_function(
        "before => document.querySelector('input[name=number]').value !== before", arg=first
    )
    assert tab.wrong == []


@pytest.mark.soak
@pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="needs axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_somebody_out(chromium, serving, tmp_path, scheme):
    from axe_playwright_python.sync_playwright import Axe

    path = collected(tmp_path / "answers.db", 20)
    # The policy of the page would refuse the checker's script.
    tab = real.Tab(chromium, serving(path).address, color_scheme=scheme, bypass_csp=True)
    report = tmp_path / "report.html"
    with EvaluationStore(path) as store:
        write_report(store, report)
    for place in (*PAGES, "/advice", report.as_uri()):
        tab.page.goto(place) if place.startswith("file:") else tab.go(place)
        found = Axe().run(tab.page).response["violations"]
        assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == [], place


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_fit_the_screen_and_every_control_has_a_name(
    chromium, serving, tmp_path, width, scheme
):
    path = collected(tmp_path / "answers.db", 20)
    size = {"width": width, "height": 800}
    address = serving(path).address
    tab = real.Tab(chromium, address, viewport=size, color_scheme=scheme)
    for place in PAGES:
        tab.go(place)
        assert tab.page.evaluate(FAULTS) == [], place
    assert tab.wrong == []
    plain = real.Tab(chromium, address, viewport=size, java_script_enabled=False)
    plain.go("/label")
    first = plain.question()
    plain.page.click(".choice >> nth=0")
    assert plain.question() != first
    assert "Saved" in plain.page.text_content("#said")


def test_another_origin_can_neither_read_nor_write(chromium, serving, tmp_path):
    path = collected(tmp_path / "answers.db", 3)
    address = serving(path).address
    tab = real.Tab(chromium, address)
    stranger = serving(path)  # to the browser, a page of another origin
    context = chromium.new_context(bypass_csp=True)
    context.add_cookies(tab.page.context.cookies())
    other = context.new_page()
    other.goto(stranger.address + "/?token=" + real.TOKEN)
    read = other.evaluate(
        "a => fetch(a + '/questions', {credentials: 'include'}).then(x => x.text(), () => 'no')",
        address,
    )
    assert read == "no"
    other.evaluate(
        """a => { const form = document.createElement("form");
          form.method = "post"; form.action = a + "/label"; document.body.append(form);
          form.submit(); }""",
        address,
    )
    other.wait_for_url(address + "/label")
    assert "Another page may not use this one" in other.text_content("body")
    with EvaluationStore(path, readonly=True) as store:
        assert store.status().labels == 0
