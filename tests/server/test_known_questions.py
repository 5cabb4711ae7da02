from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.records import Reply
from support.recorded import MadeBackend, RecordedBackend, dressed, prompt_for, recorded_data

MEMBERS = ("Qwen3-14B", "Qwen3-4B", "gpt-oss-20b")
BOXED = re.compile(r"\\boxed\{(.*)\}\.$")

needs_data = pytest.mark.skipif(
    recorded_data() is None, reason="no recorded data: set BESTOFINF_DATA to its folder"
)


def small_set() -> EvaluationSet:
    return EvaluationSet(
        (
            Question(
                "toy/1",
                {
                    "one": Samples(("3", "3", None, "4"), (10, 20, 30, 40)),
                    "two-b": Samples(("5",), (7,)),
                },
                gold="3",
                prompt="What is one and two?",
            ),
            Question("toy/2", {"one": Samples(("8", "9"))}, gold="9"),
        )
    )


def ask(post, server, prompt: str, model: str, **body) -> str:
    response = post(server, prompt, model=model, **body)
    assert response.is_success, response.text
    return response.json()["choices"][0]["message"]["content"]


def read(text: str) -> str | None:
    found = BOXED.search(text)
    return found[1] if found else None


def test_a_question_is_found_by_its_id_in_the_prompt(serve, post):
    server = serve(RecordedBackend(small_set()))
    assert prompt_for(small_set().questions[0]) == "[toy/1] What is one and two?"
    messages = [
        {"role": "system", "content": "You are an expert. [see/below]"},
        {"role": "user", "content": [{"type": "text", "text": "About [toy/1]: how much?"}]},
    ]
    assert ask(post, server, "", "two-b", messages=messages).endswith(r"\boxed{5}.")
    assert server.served()[0].question == "toy/1"
    refused = post(server, "What is [toy/9]?", model="one")
    assert refused.status_code == 400
    assert "question id" in refused.json()["error"]["message"]


def test_every_recorded_sample_is_served_once_before_any_comes_again(serve, post):
    server = serve(RecordedBackend(small_set()))
    for _ in range(2):
        read_answers = [read(ask(post, server, "[toy/1]", "one")) for _ in range(4)]
        assert Counter(read_answers) == Counter(["3", "3", None, "4"])
    assert server.answers("toy/1") == server.answers()
    assert Counter(server.answers("toy/1", model="one")) == {"3": 4, None: 2, "4": 2}
    assert server.wait_idle().completion_tokens == 200


def test_the_order_of_arrival_of_other_questions_changes_nothing(serve, post):
    backend = RecordedBackend(small_set(), seed=3)
    server = serve(backend)
    alone = [ask(post, server, "[toy/1]", "one") for _ in range(8)]
    server.reset()
    calls = [("[toy/1]", "one")] * 8 + [("[toy/2]", "one")] * 5 + [("[toy/1]", "two-b")] * 5
    random.Random(0).shuffle(calls)
    mixed = [(call, ask(post, server, *call)) for call in calls]
    assert [text for call, text in mixed if call == ("[toy/1]", "one")] == alone
    other = RecordedBackend(small_set(), seed=4)
    question = other.questions[0]
    orders = {
        tuple(RecordedBackend(small_set(), seed=seed).sample(question, "one", i) for i in range(4))
        for seed in range(10)
    }
    assert len(orders) > 1


def test_n_choices_are_the_next_n_samples(serve, post):
    server = serve(RecordedBackend(small_set()))
    one_by_one = [ask(post, server, "[toy/1]", "one") for _ in range(4)]
    server.reset()
    choices = post(server, "[toy/1]", model="one", n=4).json()["choices"]
    assert [choice["message"]["content"] for choice in choices] == one_by_one


def test_a_model_name_may_have_a_provider_and_a_suffix(serve, post):
    server = serve(RecordedBackend(small_set()))
    for model in ("one", "vendor/one", "one:free", "one@2", "one#b", "vendor/one+tools"):
        assert post(server, "[toy/1]", model=model).is_success
    response = post(server, "[toy/1]", model="three")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
    assert post(server, "[toy/2]", model="two-b").status_code == 404


def test_a_model_with_a_suffix_has_an_order_of_its_own():
    backend = MadeBackend(1)
    question = backend.questions[0]
    first, second = (
        [backend.sample(question, model, place) for place in range(50)]
        for model in ("alpha@1", "alpha@2")
    )
    assert first != second


def test_temperature_zero_and_a_fixed_seed_repeat_themselves(serve, post):
    server = serve(MadeBackend(3))
    prompt = server.backend.prompts[0]
    cold = {ask(post, server, prompt, "alpha", temperature=0) for _ in range(5)}
    seeded = [ask(post, server, prompt, "alpha", seed=seed) for seed in (5, 6, 7, 5, 6, 7)]
    free = {ask(post, server, prompt, "alpha") for _ in range(5)}
    assert len(cold) == 1
    assert seeded[:3] == seeded[3:]
    assert len(set(seeded)) == 3
    assert len(free) == 5


def test_an_invalid_sample_is_a_text_without_any_answer():
    for style in range(100):
        text = dressed(None, style)
        assert "boxed" not in text
        assert "answer" not in text.lower()
        assert not re.search(r"\d|\b[A-Z]\b", text)
        assert len(text.split()) > 10


def test_the_default_answer_type_reads_every_wording():
    auto = AutoAnswer()
    votes = {auto.vote(Reply(dressed("33", style)))[0] for style in range(512)}
    assert votes == {auto.canonical("33")}
    assert {auto.vote(Reply(dressed(None, style)))[0] for style in range(32)} == {None}


def test_the_same_answer_comes_in_many_wordings():
    texts = {dressed("33", style) for style in range(512)}
    assert len(texts) == 512
    assert all(read(text) == "33" for text in texts)


def test_a_forced_tool_and_json_carry_the_recorded_answer(serve, post):
    server = serve(RecordedBackend(small_set()))
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}, "why": {"type": "string"}},
        "required": ["answer", "why"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "result", "schema": schema}}
    text = ask(post, server, "[toy/1]", "two-b", response_format=form)
    assert '"answer":5' in text
    tool = {"type": "function", "function": {"name": "submit", "parameters": schema}}
    response = post(server, "[toy/1]", model="two-b", tools=[tool], tool_choice="required")
    call = response.json()["choices"][0]["message"]["tool_calls"][0]["function"]
    assert call["name"] == "submit"
    assert '"answer":5' in call["arguments"]


def test_made_answers_follow_their_distribution():
    backend = MadeBackend(5, seed=2)
    for question in backend.questions:
        for model in backend.models:
            shares = backend.distribution(question, model)
            assert sum(shares.values()) == pytest.approx(1)
            assert question.gold in shares
            assert None in shares
            assert min(shares.values()) > 0
    question = backend.questions[0]
    drawn = Counter(backend.sample(question, "beta", place).answer for place in range(4000))
    for answer, share in backend.distribution(question, "beta").items():
        # Five standard errors.
        error = (share * (1 - share) / 4000) ** 0.5
        assert drawn[answer] / 4000 == pytest.approx(share, abs=5 * error)


def test_made_answers_are_the_same_as_an_evaluation_set_and_through_the_server(serve, post):
    backend = MadeBackend(4, seed=9)
    recorded = backend.evaluation_set(6)
    assert recorded == MadeBackend(4, seed=9).evaluation_set(6)
    assert recorded != MadeBackend(4, seed=10).evaluation_set(6)
    server = serve(backend)
    for question in recorded:
        samples = question.samples["gamma"]
        served = [post(server, question.prompt, model="gamma").json() for _ in range(6)]
        assert [read(r["choices"][0]["message"]["content"]) for r in served] == list(
            samples.answers
        )
        assert [r["usage"]["completion_tokens"] for r in served] == list(samples.tokens)
        assert backend.gold(question.prompt) == question.gold


def test_voting_helps_on_made_answers_and_members_differ():
    recorded = MadeBackend(200).evaluation_set(40)
    for member in recorded.members:
        samples = [(question.gold, question.samples[member]) for question in recorded]
        single = sum(s.answers.count(gold) for gold, s in samples) / (200 * 40)
        voted = sum(s.mode() == gold for gold, s in samples) / 200
        assert 0.5 < single < 0.85
        assert voted > single + 0.05


@needs_data
def test_recorded_members_answer_as_they_were_recorded(serve, post):
    backend = RecordedBackend.from_data("aime2024", MEMBERS)
    assert backend.models == MEMBERS
    assert len(backend.questions) == len(backend.prompts) == 30
    server = serve(backend)
    question = backend.questions[7]
    samples = question.samples["gpt-oss-20b"]
    for _ in range(len(samples)):
        ask(post, server, prompt_for(question), "gpt-oss-20b")
    served = server.served(question.id)
    assert Counter(s.answer for s in served) == Counter(samples.answers)
    assert Counter(s.tokens for s in served) == Counter(samples.tokens)
    assert [read(s.text) for s in served] == [s.answer for s in served]


@needs_data
def test_all_recorded_members_are_found_when_none_is_named():
    assert len(RecordedBackend.from_data("aime2024").models) == 11
