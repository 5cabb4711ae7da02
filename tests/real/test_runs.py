"""``bestofinf run`` over a real server: killed, its server killed, and under a rate limit."""

import threading
import time

import pytest

from support.real.runs import RealRun

pytestmark = pytest.mark.soak


def test_a_run_that_is_killed_goes_on_and_pays_for_nothing_twice(llama, tmp_path):
    run = RealRun(tmp_path, llama.url)
    options = ("--budget", "60", "--concurrency", "6")
    before = llama.generated()
    assert run.killed_when(lambda: llama.generated() > before + 60, *options)
    report = run.finish(*options)
    assert report["samples"] == 60 == run.stored()
    assert len(run.rows()) == run.count
    assert [row["id"] for row in run.rows()] == [f"sentiment/{i}" for i in range(run.count)]


def test_a_run_survives_its_server(own_llama, tmp_path):
    run = RealRun(tmp_path, own_llama.url, count=8)
    done = {}

    def work():
        done.update(run.finish("--budget", "24", "--concurrency", "2"))

    worker = threading.Thread(target=work)
    worker.start()
    while own_llama.generated() < 10:
        assert worker.is_alive()
        time.sleep(0.05)
    own_llama.kill()
    time.sleep(3.0)
    own_llama.start()
    worker.join()
    assert done["samples"] == 24 == run.stored()
    assert len(run.rows()) == 8


def test_a_run_ends_under_a_rate_limit_that_does_not_say_for_how_long(proxy, tmp_path):
    run = RealRun(tmp_path, proxy.url, model="limited", count=10)
    report = run.finish("--budget", "30", seconds=240)  # 20 a minute
    assert report["samples"] == 30 == run.stored()
    assert len(run.rows()) == 10
