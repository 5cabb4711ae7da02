"""Wordings of one fact are one key, and no two facts are."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.records import Reply


def votes(question, *replies):
    answer = AutoAnswer().for_question(question)
    return [answer.vote(Reply(text=text))[0] for text in replies]


@pytest.mark.parametrize(
    ("question", "key", "replies"),
    [
        (
            "How long do members have to return a book?",
            "21 days",
            ["21 days.", "**Three weeks**", "Members have 21 days to return a book.", "It is 3 weeks."],
        ),
        (
            "How much does the ferry cost per person?",
            "$12.5",
            ["$12.50", "USD 12.50 per person.", "The ferry costs 12.50 dollars per person."],
        ),
        (
            "When was the harbour opened?",
            "1987-06-02",
            ["2 June 1987", "On June 2nd, 1987.", "The harbour was opened on 1987-06-02."],
        ),
        (
            "Who painted the ceiling?",
            "ida holm",
            ["Ida Holm.", "Ida Holm painted the ceiling.", "The ceiling was painted by Ida Holm [2]."],
        ),
        (
            "Is the shuttle free?",
            "yes",
            ["Yes.", "Yes, it is.", "The shuttle is free.", "Yes. See section 3."],
        ),
        (
            "Which is taller, the mast or the crane?",
            "crane",
            ["The crane.", "The crane is taller than the mast.", "The mast is shorter than the crane."],
        ),
        (
            "Which towns share the school?",
            "bray, holm, lund",
            ["Holm, Lund and Bray.", "Bray, Holm, Lund", "The towns are Lund, Bray and Holm."],
        ),
        (
            "What is the warranty of the pump?",
            "not in the documents",
            ["The documents do not say.", "I don't know.", "The context does not mention the warranty."],
        ),
    ],
)  # fmt: skip
def test_wordings_of_one_fact_are_one_vote(question, key, replies):
    assert votes(question, *replies) == [key] * len(replies)


def test_a_reply_in_words_that_are_not_known_keeps_its_words():
    (vote,) = votes("When was the lift inspected?", "It broke down on 4 March 2023.")
    assert vote == "it broke down on 4 march 2023"


def test_without_a_question_short_replies_vote_by_their_words():
    answer = AutoAnswer()
    assert answer.vote(Reply(text="It is 30 days."))[0] == "it is 30 days"
    assert answer.for_question("") is not answer


def test_an_answer_type_that_needs_no_question_is_its_own_bound_copy():
    from bestofinf.answers import BoxedAnswer

    answer = BoxedAnswer()
    assert answer.for_question("How many?") is answer
