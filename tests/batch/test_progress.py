"""What a job tells of its progress, on a terminal, in a log, and in the end."""

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from bestofinf.batches import JobProgress, JobReport
from bestofinf.batches.pool import Budget
from bestofinf.cli.progress import shown, summary, told
from bestofinf.records import Usage


def on_terminal(progress, *, stopped=False):
    """Return the last line of a bar."""
    stop = asyncio.Event()
    if stopped:
        stop.set()
    console = Console(file=io.StringIO(), force_terminal=True, width=120, no_color=True)
    with shown(stop, console) as show:
        show(progress)
    return next(line for line in console.file.getvalue().splitlines()[::-1] if "━" in line)


def test_a_bar_shows_the_share_of_the_budget_and_what_failed():
    line = on_terminal(JobProgress(0, 2000, 400, Budget(1600), failures=3))
    assert line.count("━") == 24 / 4
    assert "400 of 1,600 samples for 2,000 questions, 3 failed" in line


def test_without_a_budget_it_shows_the_share_of_the_questions():
    assert "500 of 2,000 questions, 1,900 samples" in on_terminal(
        JobProgress(500, 2000, 1900, None)
    )


@pytest.mark.parametrize(("stopped", "cells"), [(False, 24), (True, 6)])
def test_a_run_that_was_stopped_does_not_look_as_if_all_were_done(stopped, cells):
    line = on_terminal(JobProgress(2000, 2000, 400, Budget(1600, "tokens")), stopped=stopped)
    assert "400 of 1,600 tokens for 2,000 questions, 2,000 settled" in line
    assert line.count("━") == cells


def test_in_a_log_there_is_a_line_now_and_then(capsys):
    console = Console(file=io.StringIO())
    for every, lines in ((3600.0, 0), (0.0, 3)):
        with shown(asyncio.Event(), console, every) as show:
            for spent in range(3):
                show(JobProgress(0, 9, spent, Budget(50)))
        assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            JobReport(9, 9, samples=40, usage=Usage(1, 4000, 0.25)),
            "a.csv: 9 of 9 questions decided; 40 samples; 4,000 tokens, cost 0.25",
        ),
        (
            JobReport(9, 7, 2, restored=10, samples=40, failures=12),
            "a.csv: 7 of 9 questions decided; 40 samples, 10 of them from before, 12 failed "
            "requests; 0 tokens; the column error says why the others are not",
        ),
        (
            JobReport(9, 7, 2, stopped=True, samples=40),
            "a.csv: 7 of 9 questions decided; 40 samples; 0 tokens; stopped before the end: the "
            "same command goes on",
        ),
    ],
)
def test_the_summary_says_what_came_of_it(report, said):
    assert summary(report, Path("a.csv")) == said


def test_money_is_told_in_its_unit():
    assert told(JobProgress(0, 5, 0.125, Budget(2, "cost"))) == "0.125 of 2 cost for 5 questions"
