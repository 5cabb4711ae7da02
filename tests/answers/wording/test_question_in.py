"""The question is found in the prompt that asks it."""

import pytest

from bestofinf.answers.wording import asks_for_text, question_in

TEXT_QA = (
    "Context information is below.\n---------------------\nWhat is new? Much.\n"
    "---------------------\nGiven the context information and not prior knowledge, answer the query.\n"
    "Query: How long is the Senn tunnel?\nAnswer: "
)
REFINE = (
    "The original query is as follows: How long is the Senn tunnel?\nWe have provided an existing "
    "answer: 3 km\nWe have the opportunity to refine the existing answer (only if needed) with some "
    "more context below.\n------------\nWho knows? Nobody.\n------------\nRefined Answer: "
)
CHAIN = (
    "You are an assistant for question-answering tasks. Use the context.\n"
    "Question: How long is the Senn tunnel? \nContext: It is long. Or is it? \nAnswer:"
)


@pytest.mark.parametrize("prompt", [TEXT_QA, REFINE, CHAIN, "How long is the Senn tunnel?"])
def test_templates_of_the_frameworks_hold_the_same_question(prompt):
    assert question_in(prompt) == "How long is the Senn tunnel?"


def test_of_several_examples_the_last_question_counts():
    shots = "Q: Who wrote it?\nA: Jan\n\nQ: Who read it?\nA:"
    assert question_in(shots) == "Who read it?"


def test_a_long_prompt_without_a_mark_asks_its_last_line_with_a_question_mark():
    prompt = "A long story. " * 60 + "\nIs it over? No.\nWho won the race?\nBe brief."
    assert question_in(prompt) == "Who won the race?"


def test_a_list_of_options_belongs_to_the_question():
    prompt = "Some text. " * 60 + "\nWhich one?\nA) red\nB) blue"
    assert question_in(prompt).endswith("A) red\nB) blue")


def test_a_short_prompt_is_the_question():
    assert question_in("  True or false: the sun is hot. ") == "True or false: the sun is hot."


def test_where_nothing_is_asked_there_is_no_question():
    assert question_in("Write on. " * 100) == ""


@pytest.mark.parametrize(
    "words",
    [
        *("detailed", "in detail", "in great detail", "IN MORE DETAIL", "at length", "in depth"),
        *("Elaborate", "comprehensive", "comprehensively", "AUSFÜHRLICH", "ausführlicher", "im Detail"),
        *("detailliert", "détaillée", "EN DÉTAIL", "detallada", "en detalle", "详细", "詳しく", "詳細に"),
    ],
)  # fmt: skip
def test_a_question_may_ask_for_a_text(words):
    assert asks_for_text(f"How long may it be kept, {words}?")
    assert not asks_for_text("How long may it be kept?")
