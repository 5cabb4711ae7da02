"""The configuration file: every mistake at once, what is written, and ensembles made of it."""

from __future__ import annotations

import tomllib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestofinf import Ensemble, UsageError
from bestofinf.ensemble import EnsembleConfig, MemberConfig, read_config, write_config
from bestofinf.ensemble.endpoint import Endpoint
from bestofinf.tiny import TinyMember
from support.backends import EchoBackend

GOOD = """
[serve]
port = 8000

[members.local]
url = "http://127.0.0.1:8080/v1"
model = "qwen3-8b"
key = "env:LOCAL_KEY"
concurrency = 16
ask = "plain"
rename = { max_completion_tokens = "max_tokens" }
drop = ["store"]
set = { cache_prompt = true }
max_tokens = 500
system = "Be brief."

[members.own]

[ensembles.careful]
members = { local = 0.6, own = 0.4 }
rule = "thorough|max-samples:n=20"
answer = "number"
max_samples = 32
deadline = 240
on_deadline = "partial"
explore = { share = 0.05, samples = 8 }

[ensembles.agent]
members = { local = 1, gone = 0 }
"""


@pytest.fixture
def file(tmp_path):
    def file(text):
        path = tmp_path / "ensemble.toml"
        path.write_text(text)
        return path

    return file


def test_a_file_is_read(file):
    config = read_config(file(GOOD))
    local = config.members["local"]
    assert (local.key_variable, local.drop, local.system) == ("LOCAL_KEY", ("store",), "Be brief.")
    careful = config.ensemble("careful")
    assert careful.weights == {"local": 0.6, "own": 0.4}
    assert careful.settings["explore"].samples == 8
    assert config.serve == {"port": 8000}
    with pytest.raises(UsageError, match="careful, agent"):
        config.ensemble()


def test_every_mistake_is_named_at_once_with_its_place_and_without_secrets(file):
    path = file("""
[membres.x]
[members.a]
url = "ftp://x"
key = "sk-live-123456789"
max_tokens = 0
modle = "x"
[members.b]
url = "http://h/v1"
[ensembles.e]
members = { a = -1, nobody = 0.5 }
rule = "sometimes"
answer = "guess"
max_samples = 0
min_confidence = 2
max_smaples = 4
calibration = { format = "other" }
""")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    told = str(caught.value)
    for part in (
        "membres: unknown",
        "[members.a] url: must be the address",
        "[members.a] key: must be env:NAME, the environment variable that holds the secret",
        "[members.a] max_tokens: must be a whole number",
        "[members.a] modle: unknown; did you mean 'model'?",
        "[members.b] model: missing; with a url",
        "the weight of 'a' must be at least 0",
        "'nobody' has no table [members.nobody]",
        "[ensembles.e] rule: ",
        "[ensembles.e] answer: must be one of auto",
        "[ensembles.e] max_samples",
        "[ensembles.e] min_confidence: must be from 0 to 1",
        "max_smaples: unknown; did you mean 'max_samples'?",
        "[ensembles.e] calibration: not a calibration",
    ):
        assert part in told, part
    assert "sk-live" not in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = [", "not TOML"),
        ("", "no [ensembles.NAME]"),
        ("ensembles = 3", "must be a table"),
        ("[ensembles.e]\nrule = 'fast'", "give members"),
        ("[members.a]\n[ensembles.e]\nmembers = { a = 0 }", "all weights are 0"),
        ("[members.a]\n[ensembles.a]\nmembers = { a = 1 }", "the name of a member"),
        ("[members.a]\nurl = 'http://u:secret@h/v1'\nmodel = 'm'", "contains a secret"),
        ("[members.a]\n[ensembles.e]\nmembers = { a = nan }", "must be at least 0"),
        ("[members.a]\n[ensembles.e]\nweights = 'none.json'", "cannot be read"),
    ],
)
def test_what_is_no_configuration_is_refused(file, text, told):
    with pytest.raises(UsageError) as caught:
        read_config(file(text))
    assert told in str(caught.value)
    assert "secret@" not in str(caught.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_value_in_any_place_is_read_or_refused(tmp_path_factory, data):
    import tomlkit

    from bestofinf.ensemble.config import ENSEMBLE_KEYS, MEMBER_KEYS
    from bestofinf.ensemble.config_writing import _value

    document = {
        "members": {"a": {data.draw(st.sampled_from(sorted(MEMBER_KEYS))): data.draw(values)}},
        "ensembles": {
            "e": {"members": {"a": 1}}
            | {data.draw(st.sampled_from(sorted(ENSEMBLE_KEYS))): data.draw(values)}
        },
    }
    path = tmp_path_factory.mktemp("config") / "e.toml"
    try:
        path.write_text(tomlkit.dumps(_clean(document, _value)), encoding="utf-8")
        tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError, UnicodeEncodeError):
        return  # cannot be written as TOML
    with suppress(UsageError):
        assert read_config(path).ensemble("e").weights == {"a": 1.0}


def _clean(document, value):
    return {
        kind: {
            name: {key: value(given) for key, given in table.items() if given is not None}
            for name, table in tables.items()
        }
        for kind, tables in document.items()
    }


def test_what_is_written_is_read_again_and_what_stood_there_stays(tmp_path):
    path = tmp_path / "ensemble.toml"
    names = ["qwen3-8b@http://127.0.0.1:8080/v1", "openai:gpt-5-mini", "mine"]
    members = [MemberConfig.of_name(name) for name in names]
    first = EnsembleConfig(
        "first",
        dict.fromkeys(names, 0.25),
        {"rule": "balanced", "answer": "auto", "max_samples": 8},
        judged_on={"questions": 30, "mean_tokens": None, "members": names},
    )
    write_config(path, first, members)
    config = read_config(path)
    assert {name: config.members[name] for name in names} == {m.name: m for m in members}
    assert config.ensemble().weights == first.weights
    assert config.ensemble().settings == first.settings
    assert config.ensemble().judged_on == {"questions": 30, "members": names}

    text = path.read_text().replace(
        "[members.mine]", '[members.mine]\nurl = "http://h/v1"\nmodel = "m" # here'
    )
    path.write_text(text)
    write_config(path, EnsembleConfig("second", {"mine": 1.0}, {"rule": "fast"}), members)
    write_config(path, EnsembleConfig("first", {"mine": 1.0}, {"rule": "fast"}), members)
    again = read_config(path)
    assert again.members["mine"].url == "http://h/v1"
    assert "# here" in path.read_text()
    assert again.ensemble("first").weights == again.ensemble("second").weights == {"mine": 1.0}


def test_a_file_that_is_no_toml_is_not_written_over(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not = [ toml")
    with pytest.raises(UsageError, match="not a configuration"):
        write_config(path, EnsembleConfig("e", {"a": 1.0}), [MemberConfig("a")])
    assert path.read_text() == "not = [ toml"


def test_an_ensemble_is_made_of_a_file(file, monkeypatch):
    monkeypatch.setenv("LOCAL_KEY", "k-12345678")
    path = file(GOOD)
    with pytest.raises(UsageError, match="no model for 'own': give it in the program"):
        Ensemble.load(path, "careful")
    with pytest.raises(UsageError, match="'other' is not a member"):
        Ensemble.load(path, "careful", members={"other": TinyMember("sum")})
    own = TinyMember("sum")
    ensemble = Ensemble.load(path, "careful", members={"own": own}, max_samples=5)
    assert ensemble.weight_by_member == {"local": 0.6, "own": 0.4}
    assert (ensemble.answer, ensemble.max_samples, ensemble.deadline) == ("number", 5, 240)
    local, given_member = ensemble.plan().members
    assert given_member.model is own
    assert isinstance(local.model, Endpoint)
    assert (local.concurrency, local.system, local.model.max_tokens) == (16, "Be brief.", 500)
    assert not local.model.stream
    # One that is absent with weight 0 is not missed.
    assert Ensemble.load(path, "agent").weight_by_member == {"local": 1.0}


def test_reload_reads_the_weights_of_the_file_again(file):
    text = "[members.a]\n[members.b]\n[ensembles.e]\nmembers = { a = 0.9, b = 0.1 }\n"
    path = file(text)
    ensemble = Ensemble.load(path, members={"a": TinyMember("sum"), "b": TinyMember("mul")})
    file(text.replace("0.9", "0.2"))
    ensemble.reload()
    assert ensemble.weight_by_member == {"a": 0.2, "b": 0.1}
    file(text.replace("a = 0.9", "a = 'x'"))
    with pytest.raises(UsageError, match="the weight of 'a'"):
        ensemble.reload()
    assert ensemble.weight_by_member == {"a": 0.2, "b": 0.1}


def test_what_the_file_says_of_a_member_is_sent(serve, file):
    server = serve(EchoBackend())
    path = file(f"""
[members.a]
url = "{server.url}"
model = "alpha"
max_tokens = 7
temperature = 0.5
system = "Be brief."
set = {{ top_p = 0.5 }}
drop = ["store"]
[ensembles.e]
members = {{ a = 1 }}
rule = "fixed:n=1"
""")
    Ensemble.load(path).ask({"messages": [{"role": "user", "content": "Hi."}], "store": True})
    (body,) = server.bodies
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (body["max_tokens"], body["temperature"], body["top_p"]) == (7, 0.5, 0.5)
    assert "store" not in body
