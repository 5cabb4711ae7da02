"""Where a question asks for an order, a list in another order is another answer."""

import pytest

from bestofinf.answers import AutoAnswer
from bestofinf.answers.wording import question_of
from bestofinf.records import Reply

ORDERED = (
    "Rank the four rivers by their length.",
    "Arrange these paintings chronologically.",
    "In what order are the layers applied?",
    "What are the next three terms?",
    "Which are the top four teams?",
    "What are the height and the weight of the statue?",
    "Give the mass and radius of the planet.",
    "Who played the flute, the harp and the drums?",
    "Who finished first and who second?",
    "What is the shortest route from the lake to the mill?",
    "Ordne die Flüsse nach ihrer Länge.",
    "In welcher Reihenfolge werden die Schichten aufgetragen?",
    "Dans quel ordre faut-il les ouvrir ?",
    "Quels sont le nom et l'adresse du musée ?",
    "¿En qué orden se abren las puertas?",
    "请将这些河流按长度排序。",
    "川を長い順に並べてください。",
)
UNORDERED = (
    "Which four rivers are the longest?",
    "List the prime factors of 60.",
    "Which fruits are red?",
    "What do cats and dogs eat?",
    "List all nuts and berries that are red.",
    "Which countries border France and Spain?",
    "Who wrote and directed the film?",
    "What did the customer order?",
    "What is the second largest city?",
    "Who comes next?",
    "Welche Flüsse sind die längsten?",
    "Quels fleuves sont les plus longs ?",
    "¿Qué ríos son los más largos?",
    "哪些河流最长？",
)


def votes(question, *texts):
    answer = AutoAnswer().for_question(question)
    return answer, [answer.vote(Reply(text=text))[0] for text in texts]


@pytest.mark.parametrize("question", ORDERED)
def test_a_question_for_an_order_is_known(question):
    assert question_of(question).asks_for_order


@pytest.mark.parametrize("question", UNORDERED)
def test_a_question_for_a_set_is_no_question_for_an_order(question):
    assert not question_of(question).asks_for_order


@pytest.mark.parametrize(
    ("question", "alike", "others"),
    [
        (
            "Rank the three rivers by their length.",
            ["Nile, Volga, Rhine", "1. Nile\n2. Volga\n3. Rhine", "Nile, Volga and Rhine.", "Nile → Volga → Rhine", r"\boxed{\text{Nile, Volga, Rhine}}"],
            ["Volga, Nile, Rhine", "Nile, Rhine, Volga", "1. Rhine\n2. Volga\n3. Nile"],
        ),
        (
            "Sort Ida, Leo and Ana by their age.",
            ["Leo, Ana, Ida", "1. Leo\n2. Ana\n3. Ida", "Leo, Ana and Ida"],
            ["Ana, Leo, Ida", "Ida, Ana, Leo"],
        ),
        (
            "Sort 9, 4 and 7 in ascending order.",
            ["4, 7, 9", "4, 7, and 9", r"\boxed{4, 7, 9}", "[4, 7, 9]", r"\boxed{\{4,7,9\}}", "4 → 7 → 9", "4-7-9"],
            ["9, 7, 4", "4, 9, 7", "[9, 7, 4]", "9-7-4"],
        ),
        (
            "What are the height and width of the door?",
            ["2.1, 0.9", r"\boxed{(2.1, 0.9)}"],
            ["0.9, 2.1", r"\boxed{0.9, 2.1}"],
        ),
        (
            "Put the steps A, B and C in the correct order.",
            ["C, A, B", r"\boxed{C, A, B}", "C → A → B", r"\boxed{C \to A \to B}", "C-A-B", "(C), (A), (B)"],
            ["A, B, C", "C, B, A", "C-B-A", "B, A, C"],
        ),
        (
            "In welcher Reihenfolge kommen die Häfen?",
            ["Kiel, Lübeck, Rostock", "Kiel, Lübeck und Rostock"],
            ["Lübeck, Kiel, Rostock", "Rostock, Lübeck und Kiel"],
        ),
    ],
)  # fmt: skip
def test_each_order_is_a_vote_of_its_own_however_it_is_written(question, alike, others):
    answer, found = votes(question, *alike)
    assert None not in found
    assert all(answer.same(found[0], value) for value in found)
    _, found_others = votes(question, *others)
    for value in found:
        assert not any(answer.same(value, other) for other in found_others)
    for value in (*found, *found_others):
        assert answer.same(answer.canonical(value), value)


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Which three rivers are the longest?", ["Nile, Volga, Rhine", "Rhine, Nile and Volga"]),
        ("Solve x^2 = 9 for x.", ["3, -3", r"\boxed{-3, 3}", r"\boxed{x=3, x=-3}"]),
        ("What are the prime factors of 30?", ["2, 3, 5", r"\boxed{5, 3, 2}"]),
    ],
)
def test_a_set_has_no_order(question, texts):
    answer, found = votes(question, *texts)
    assert all(answer.same(found[0], value) for value in found)


def test_a_date_and_a_code_are_no_lists():
    answer, found = votes("Sort the events chronologically.", "2020-01-02", "2020-02-01")
    assert found == ["2020-01-02", "2020-02-01"]
    answer, found = votes("What is the order number?", "4-7-9", "A-B-C")
    assert found == ["4-7-9", "A-B-C"]
    assert not answer.same(*found)
