"""The file is read again while requests are in flight."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time

from support.backends import EchoBackend, FunctionBackend


def until(found, wanted):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if wanted():
            return
        time.sleep(0.02)
    raise AssertionError(found.path.read_text())


def test_a_changed_file_is_in_force_and_drops_no_request(endpoint):
    async def slow(request):
        await asyncio.sleep(0.3)
        return f"The answer is {len(request.model)}."

    made = endpoint(FunctionBackend(slow), members=("alpha", "be"), serve="watch = 0.05")
    text = made.path.read_text()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        before = [pool.submit(made.ask, f"{n}") for n in range(20)]
        time.sleep(0.2)
        made.path.write_text(text.replace("alpha = 1, be = 1", "alpha = 0, be = 1") + "# changed\n")
        until(made, lambda: 'reloads_total{outcome="done"} 1' in metrics(made))
        assert all(future.result().status_code == 200 for future in before)
    assert made.ask().json()["bestofinf"]["votes"] == {"2": 3}


def test_a_file_that_is_wrong_changes_nothing(endpoint):
    made = endpoint(EchoBackend(), serve="watch = 0.05")
    made.path.write_text("nonsense = [")
    until(made, lambda: 'reloads_total{outcome="refused"}' in metrics(made))
    assert made.ask().status_code == 200


def metrics(made):
    return made.http.get(made.url.removesuffix("/v1") + "/metrics").text
