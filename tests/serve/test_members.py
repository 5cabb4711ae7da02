"""Members that hang, die, refuse or speak rubbish, seen by the endpoint's client."""

from __future__ import annotations

import concurrent.futures

import pytest

from bestofinf.serve import read_serving
from support.backends import EchoBackend
from support.faults import Fault, Faults

RETRIES = "retries = 2\nlongest_wait = 0.01\n"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.RATE_LIMIT_RETRY_AFTER,
        Fault.SERVER_ERROR,
        Fault.RESET,
        Fault.TRUNCATED,
        Fault.CUT_SHORT,
        Fault.MALFORMED_JSON,
        Fault.WRONG_CONTENT_TYPE,
        Fault.EMPTY_CHOICES,
        Fault.ERROR_IN_BODY,
        Fault.NULL_CONTENT,
        Fault.SLOW_DRIP,
        Fault.NO_USAGE,
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_member_that_slips_costs_no_answer(endpoint, fault, stream):
    faults = Faults(at={0: fault, 2: fault}, retry_after=0.01, drip_seconds=0.05)
    found = endpoint(EchoBackend(), faults=faults, ensemble=RETRIES).ask("7", stream=stream)
    assert found.status_code == 200
    assert "You said: 7" in found.text
    assert '"error":' not in found.text


def test_a_member_that_is_down_leaves_the_others(endpoint):
    faults = Faults(1.0, (Fault.SERVER_ERROR,), models=("beta",))
    made = endpoint(EchoBackend(), faults=faults, members=("alpha", "beta"), ensemble=RETRIES)
    told = made.ask().json()["bestofinf"]
    assert told["winner_member"] == "alpha"


def test_a_member_that_hangs_is_left_behind(endpoint):
    faults = Faults(1.0, (Fault.HANG,), models=("beta",))
    made = endpoint(
        EchoBackend(),
        faults=faults,
        members=("alpha", "beta"),
        ensemble="timeout = 0.3\nretries = 0\n",
    )
    assert made.ask().json()["bestofinf"]["winner_member"] == "alpha"


def test_a_reply_that_is_cut_off_does_not_vote(endpoint):
    from support.backends import ScriptedBackend
    from support.reply import Served

    cut = Served("The answer is 8.", finish_reason="length")
    made = endpoint(ScriptedBackend([cut, "The answer is 7.", cut]))
    told = made.ask().json()["bestofinf"]
    assert (told["votes"], told["n_abstained"]) == ({"7": 1}, 2)


def test_ensembles_that_share_a_member_share_its_slots(endpoint, serve):
    server = serve(EchoBackend(), latency=0.1)
    other = '\n[ensembles.other]\nmembers = ["alpha"]\nrule = "fixed:n=3"\n'
    made = endpoint(None, server=server, member="concurrency = 2\n", ensemble=other)
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        names = ("careful", "other", "alpha") * 3
        found = list(pool.map(lambda name: made.ask(model=name), names))
    assert all(r.status_code == 200 for r in found)
    assert server.counts.peak_in_flight <= 2


def test_models_in_the_box_are_served_too(tmp_path):
    from support.served import Endpoint

    path = tmp_path / "tiny.toml"
    path.write_text(
        '[members.sum]\nmodel = "tiny:sum"\n[members.hasty]\nmodel = "tiny:hasty"\n'
        "[ensembles.tiny]\nmembers = { sum = 1, hasty = 1 }\n"
    )
    with Endpoint(path) as made:
        body = made.ask("What is 12 + 30 + 41?", model="tiny").json()
        told = body["bestofinf"]
        assert told["answer"] == max(told["votes"], key=told["votes"].get)
        assert body["usage"]["completion_tokens"] > 0
        alone = made.ask("What is 12 + 30 + 41?", model="sum").json()
        assert alone["choices"][0]["finish_reason"] == "stop"


def test_the_server_is_open_to_others_only_with_keys(tmp_path):
    from bestofinf.ensemble import read_config
    from bestofinf.errors import UsageError
    from support.served import written

    path = written(tmp_path / "e.toml", "http://127.0.0.1:9/v1", serve='host = "0.0.0.0"')
    with pytest.raises(UsageError, match="open to others"):
        read_serving(read_config(path))
    keyed = 'host = "0.0.0.0"\nkeys = { a = "env:A" }'
    path = written(tmp_path / "e.toml", "http://127.0.0.1:9/v1", serve=keyed)
    assert read_serving(read_config(path)).host == "0.0.0.0"
    literal = 'keys = { a = "sk-1234" }'
    path = written(tmp_path / "e.toml", "http://127.0.0.1:9/v1", serve=literal)
    with pytest.raises(
        UsageError, match="must be env:NAME, the environment variable that holds the secret"
    ):
        read_serving(read_config(path))
