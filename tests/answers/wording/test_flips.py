"""What turns a fact round is no wording of it: made sentences of every kind of flip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestofinf.answers import AutoAnswer
from bestofinf.records import Reply

AUTO = AutoAnswer()
NAMES = ("Ida Holm", "Leo Park", "Ana Ruiz", "Voltera", "Arden")
UNKNOWN = ("blorped", "glimbed", "frassed", "dwined", "snorfed")  # verbs that nobody knows
VALUES = ("30 days", "12 km", "$45", "7%", "3 May 2021", "18")
NEGATIONS = ("not", "never", "no longer", "hardly")
CONDITIONS = (
    "but only in summer", "if it rains", "unless it is sold out", "except on Mondays",
    "provided that you pay", "with a ticket", "after 8 pm", "for members only", "up to a point",
    "in some cases", "once a year", "subject to approval", "partly",
)  # fmt: skip


def vote(question, text):
    return AUTO.for_question(question).vote(Reply(text=text))[0]


def differ(question, *texts):
    found = [vote(question, text) for text in texts]
    assert len({v for v in found if v is not None}) == sum(v is not None for v in found), found


# -- relations --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", UNKNOWN)
@pytest.mark.parametrize(
    ("question", "plain", "other"),
    [
        (
            "When was the lift inspected?",
            "It was inspected on 3 May 2021.",
            "The lift {} on 3 May 2021.",
        ),
        ("How much do the prices rise?", "They rise by 7%.", "The prices {} by 7%."),
        ("How long may guests stay?", "They may stay 30 days.", "Guests {} 30 days."),
        ("Who wrote the foreword?", "Ida Holm wrote it.", "Ida Holm {} the foreword."),
        ("Which firm supplies the pumps?", "Voltera supplies them.", "Voltera {} the pumps."),
        ("Where is the archive kept?", "It is kept in Lund.", "The archive {} in Lund."),
    ],
)
def test_a_verb_that_is_not_known_is_another_relation(question, plain, other, verb):
    differ(question, plain, other.format(verb))


@pytest.mark.parametrize(
    ("question", "plain", "flipped"),
    [
        ("When did the shop open?", "It opened on 3 May 2021.", "It closed on 3 May 2021."),
        ("When does the lease start?", "It starts on 3 May 2021.", "It ends on 3 May 2021."),
        ("How much did the shares gain?", "They gained 7%.", "They lost 7%."),
        ("How much did the city borrow?", "It borrowed $45.", "It lent $45."),
        ("What is the maximum load?", "The maximum load is 12 kg.", "The minimum load is 12 kg."),
        ("How many seats are free?", "18 seats are free.", "18 seats are not free."),
        ("How long has it been in use?", "It has been in use for 30 days.", "Out of use for 30 days."),
        ("Which release introduced tabs?", "Tabs were introduced in 4.1.", "Tabs were removed in 4.1."),
        ("When did it reopen?", "It reopened on 3 May 2021.", "It will reopen on 3 May 2021."),
        ("Who is the chair?", "The chair is Ida Holm.", "The chair was Ida Holm."),
        ("Who is the chair?", "Ida Holm.", "Ida Holm was the chair until 2019."),
        ("Which port does it leave from?", "It leaves from Kiel.", "It leaves for Kiel."),
        ("To whom was it sent?", "It was sent to Ida Holm.", "It was sent by Ida Holm."),
        ("To whom was it sent?", "To Ida Holm.", "Ida Holm sent it."),
        ("Where is the key?", "It is in the safe.", "It is behind the safe."),
        ("What is the room number?", "It is B-204.", "It is opposite B-204."),
        ("By what percentage did costs rise?", "By 7%.", "They rose to 7%."),
        ("By what percentage did costs rise?", "By 7%.", "7% of the costs rose."),
    ],
)  # fmt: skip
def test_the_opposite_of_a_word_of_the_question_is_another_fact(question, plain, flipped):
    differ(question, plain, flipped)


# -- roles ------------------------------------------------------------------------------------

DEEDS = {
    "en": ("Who {past} {other}?", "{one} {past} {other}.", "{one} was {done} by {other}."),
    "de": ("Wer {past} {other}?", "{one} {past} {other}.", "{one} wurde von {other} {done}."),
    "fr": ("Qui a {done} {other} ?", "{one} a {done} {other}.", "{one} a été {done} par {other}."),
}
VERBS = {
    "en": [("trained", "trained"), ("hired", "hired"), ("sued", "sued"), ("beat", "beaten")],
    "de": [("besiegte", "besiegt"), ("lobte", "gelobt")],
    "fr": [("engagé", "engagé"), ("remplacé", "remplacé")],
}


@given(st.sampled_from(sorted(DEEDS)), st.data())
def test_whoever_does_it_is_not_whom_it_is_done_to(code, data):
    asked, active, passive = DEEDS[code]
    past, done = data.draw(st.sampled_from(VERBS[code]))
    one, other = data.draw(st.permutations(NAMES[:3]))[:2]
    given_ = {"past": past, "done": done}
    question = asked.format(other=other, **given_)
    right = {
        active.format(one=one, other=other, **given_),
        passive.format(one=other, other=one, **given_),
    }
    wrong = {
        active.format(one=other, other=one, **given_),
        passive.format(one=one, other=other, **given_),
    }
    votes = {vote(question, text) for text in right}
    assert votes == {one.lower()}
    assert not votes & {vote(question, text) for text in wrong}


@given(st.permutations(NAMES[:3]), st.sampled_from(VERBS["en"]))
def test_questions_for_both_sides_hold_them_apart(names, verb):
    one, other, _ = names
    past, done = verb
    question = f"Who {past} whom, {one} or {other}?"
    right = (
        vote(question, f"{one} {past} {other}."),
        vote(question, f"{other} was {done} by {one}."),
    )
    wrong = (
        vote(question, f"{other} {past} {one}."),
        vote(question, f"{one} was {done} by {other}."),
    )
    assert len(set(right)) == len(set(wrong)) == 1
    assert not set(right) & set(wrong)
    differ(question, f"{one} {past} {other}.", f"{one} did not {past} {other}.")


# -- negations --------------------------------------------------------------------------------

FACTS = [
    ("How long may guests stay?", "Guests may {}stay 30 days."),
    ("How far is the school?", "The school is {}12 km away."),
    ("How much does it cost?", "It does {}cost $45."),
    ("When was it opened?", "It was {}opened on 3 May 2021."),
    ("Who wrote the foreword?", "It was {}written by Ida Holm."),
    ("Where is the archive kept?", "It is {}kept in Lund."),
    ("Which metals does it contain?", "It does {}contain zinc and tin."),
    ("Why was it closed?", "It was {}closed because of ice."),
    ("Is it red, green or blue?", "It is {}red."),
    ("Which is taller, the mast or the crane?", "The mast is {}taller."),
    ("Is the ticket valid?", "The ticket is {}valid."),
    ("Does the fee include lunch?", "The fee does {}include lunch."),
]


@pytest.mark.parametrize("negation", NEGATIONS)
@pytest.mark.parametrize(("question", "fact"), FACTS)
def test_a_denied_fact_is_another_vote(question, fact, negation):
    differ(question, fact.format(""), fact.format(f"{negation} "))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Must guests wear a badge?", "Guests must not wear a badge."),
        ("Isn't the ticket valid?", "The ticket is valid."),
        ("Can it be used without a key?", "It cannot be used."),
        ("Is the ticket valid?", "Not every ticket is not valid."),
    ],
)
def test_what_a_negation_leaves_open_is_no_yes_and_no_no(question, text):
    assert vote(question, text) not in ("yes", "no")


# -- conditions -------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("form", ["Yes, {}.", "Yes, it is valid {}.", "The ticket is valid {}."])
def test_under_a_condition_it_is_neither_yes_nor_no(condition, form):
    assert vote("Is the ticket valid?", form.format(condition)) not in ("yes", "no")


@pytest.mark.parametrize("word", ["almost", "partly", "usually", "only", "probably", "once"])
def test_what_holds_almost_or_mostly_does_not_hold(word):
    assert vote("Is the ticket valid?", f"The ticket is {word} valid.") not in ("yes", "no")


# -- quantities -------------------------------------------------------------------------------

COMPARED = (
    "{}", "more than {}", "at least {}", "less than {}", "at most {}", "nearly {}", "every {}",
    "not {}", "{} per person", "{} or more", "{} each month",
)  # fmt: skip


@given(
    st.sampled_from(["How long does it take?", "How much is it?"]), st.integers(2, 400), st.data()
)
def test_a_comparator_or_a_scope_makes_another_amount(question, number, data):
    unit = data.draw(st.sampled_from(["days", "km", "euros", "kg"]))
    forms = [form.format(f"{number} {unit}") for form in COMPARED]
    votes = {}
    for form in forms:
        votes.setdefault(vote(question, form), []).append(form)
    same = [set(forms) for value, forms in votes.items() if value is not None and len(forms) > 1]
    assert all(pair == {f"at least {number} {unit}", f"{number} {unit} or more"} for pair in same)


UNITS = (
    "seconds", "minutes", "hours", "days", "business days", "weeks", "months", "years", "mm", "cm",
    "km", "miles", "feet", "g", "kg", "pounds", "litres", "%", "percentage points", "dollars",
    "euros", "cents", "degrees Celsius", "degrees Fahrenheit", "km/h", "mph", "watts", "kW",
)  # fmt: skip
EXACT = {  # what may be one amount, in the smallest of its units
    "seconds": ("s", 1), "minutes": ("min", 1), "hours": ("min", 60), "days": ("d", 1),
    "weeks": ("d", 7), "months": ("mo", 1), "years": ("mo", 12), "mm": ("m", 1), "cm": ("m", 10),
    "km": ("m", 1_000_000), "g": ("g", 1), "kg": ("g", 1000), "watts": ("W", 1), "kW": ("W", 1000),
}  # fmt: skip


@given(st.integers(1, 2000), st.integers(1, 2000), st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_amounts_are_one_exactly_where_their_units_convert(one, other, unit, unit2):
    question = "What is the limit?"
    merged = vote(question, f"{one} {unit}") == vote(question, f"The limit is {other} {unit2}.")
    base, factor = EXACT.get(unit, (unit, 1))
    base2, factor2 = EXACT.get(unit2, (unit2, 1))
    assert merged == (base == base2 and one * factor == other * factor2)


@given(st.integers(2, 90), st.integers(2, 90))
def test_a_range_two_values_and_one_of_two_are_three_things(one, other):
    low, high = sorted((one, other + 100))
    texts = [f"{low} to {high} days", f"{low} or {high} days", f"{low} days", f"{high} days"]
    differ("How long does it take?", *texts)
    question = "How many seats are free?"
    differ(
        question,
        f"{low} of {high} seats are free.",
        f"{low} seats are free.",
        f"{high} seats are free.",
    )


@given(
    st.integers(1000, 2100),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 3),
    st.integers(1, 9),
)
def test_dates_are_one_where_all_that_is_given_is_the_same(year, month, day, which, more):
    names = "January February March April May June July August September October November December"
    name = names.split()[month - 1]
    forms = [f"{day} {name} {year}", f"{name} {day}, {year}", f"{year:04}-{month:02}-{day:02}"]
    question = "When was it opened?"
    (right,) = {vote(question, f"It was opened on {form}.") for form in forms}
    other = [
        f"{name} {year}", f"{day} {name}", str(year), f"{day} {name} {year + more}",
        f"before {day} {name} {year}", f"after {forms[1]}", f"not on {forms[0]}",
    ]  # fmt: skip
    assert right not in {vote(question, text) for text in other}


# -- lists and choices ------------------------------------------------------------------------


@given(st.permutations(["zinc", "tin", "lead", "iron"]), st.integers(2, 4))
def test_a_list_is_a_set_and_no_other_set(words, size):
    question = "Which metals does it contain?"
    listed = words[:size]
    joined = f"{', '.join(listed[:-1])} and {listed[-1]}"
    forms = [joined, ", ".join(listed), f"It contains {joined}.", f"The metals are {joined}."]
    assert {vote(question, form) for form in forms} == {", ".join(sorted(listed))}
    either = f"{', '.join(listed[:-1])} or {listed[-1]}"
    differ(question, joined, either, ", ".join(words[: size - 1]), f"no {joined}")


@given(st.permutations(["red", "green", "blue"]))
def test_a_choice_is_the_only_one_named_and_not_denied(words):
    one, other, third = words
    question = f"Is the sign {one}, {other} or {third}?"
    for text in (
        f"{one}.",
        f"The sign is {one}.",
        f"It is {one}, not {other}.",
        f"Not {other} but {one}.",
    ):
        assert vote(question, text) == one
    for text in (
        f"{one} or {other}",
        f"{one} and {other}",
        f"Not {one}.",
        f"{one} to {other}",
        "None.",
    ):
        assert vote(question, text) != one


@given(
    st.permutations(["Alto", "Brisa"]),
    st.sampled_from([("taller", "shorter"), ("cheaper", "dearer"), ("older", "younger")]),
)
def test_of_two_the_one_that_is_more_is_the_vote(names, pair):
    one, other = names
    more, less = pair
    question = f"Which is {more}, the {names[0]} or the {names[1]}?"
    right = [f"The {one} is {more} than the {other}.", f"The {one}.", f"It is the {one}."]
    if more != "cheaper":
        right.append(f"The {other} is {less} than the {one}.")
    assert {vote(question, text) for text in right} == {one.lower()}
    wrong = [
        f"The {other} is {more} than the {one}.",
        f"The {one} is not {more}.",
        f"The {one} is as old as the {other}.",
    ]
    assert one.lower() not in {vote(question, text) for text in wrong}


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        (
            "How many people came?",
            (
                "12", "12M", "12 B", "12th", "12 score", "(12) million", "12 tenths", "12 or more", "hundreds of people",
                "millions", "twelve hundred", "12 thousand five", "12... no, 13", "They say 12", "12, which is wrong",
                "Is it 12?",
            ),
        ),
        ("Wie viele Menschen kamen?", ("2", "zwei Billionen", "2 Mio.", "2 Mrd.", "2 Tsd.", "zwei Dutzend", "2.000", "2,000")),
        ("Combien de personnes sont venues ?", ("4", "quatre-vingts", "quatre cents", "4 M", "4 milliers", "cents")),
        ("¿Cuántas personas vinieron?", ("2", "dos mil", "dos mil millones", "2 billones", "2 docenas", "dos mil y un millón")),
        ("How large is the file?", ("12 GB", "12 MB", "12M", "12 bits", "12 bytes")),
        ("By how much did the rate rise?", ("12%", "12 points", "12 per mille")),
    ],
)  # fmt: skip
def test_what_makes_a_number_another_keeps_it_apart(question, texts):
    differ(question, *texts)


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Wie viele Menschen kamen?", ("2 Billionen", "zwei Billionen", "2 Bio.", "2000 Milliarden")),
        ("Wie viele Menschen kamen?", ("1,5 Mrd.", "1500 Mio.", "1.500.000.000")),
        ("¿Cuántas personas vinieron?", ("mil millones", "un millardo", "1000 millones")),
        ("¿Cuántas personas vinieron?", ("dos mil quinientos millones", "2500 millones")),
        ("How many people came?", ("ten thousand million", "10 billion", "10,000 million")),
        ("How many people came?", ("two dozen", "24", "2 dozen", "Twenty-four people came.")),
    ],
)  # fmt: skip
def test_what_multiplies_a_number_is_read(question, texts):
    assert len({vote(question, text) for text in texts}) == 1


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("How much does it cost?", ("$45", "-$45")),
        ("What is the temperature?", ("5°C", "5 °C warmer", "5 °C colder")),
        ("Where is it?", ("New York", "New York State")),
        ("Which files?", ("*.py", ".py", "py")),
        ("Which folder?", ("~/a", "/a", "a")),
    ],
)
def test_a_sign_or_a_small_word_keeps_answers_apart(question, texts):
    differ(question, *texts)


# -- code -------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["-a", "-A", "-i", "-I", "-am", "-no", "-l", "--all", "--is"])
@pytest.mark.parametrize("command", ["docker ps", "ls", "git commit", "grep"])
def test_a_command_is_another_with_a_flag(command, flag):
    question = "Which command lists them?"
    differ(question, command, f"{command} {flag}")
    assert vote(question, f"`{command} {flag}`") == f"{command} {flag}"


@pytest.mark.parametrize(
    "frame",
    [
        "{}", "Output: {}", "The output is {}.", "It returns {}.", "It prints `{}`.", "Python prints {}",
        "```python\n{}\n```", "It returns:\n\n```python\n{}\n```", "It is the list {}.", "The values are {} and [4].",
    ],
)  # fmt: skip
@pytest.mark.parametrize("question", ["What does it return?", "What does it return for [3, 1, 2]?"])
def test_a_list_of_numbers_is_no_source(question, frame):
    differ(
        question,
        *(frame.format(said) for said in ("[1]", "[2]", "[1, 2]", "[1, 2, 3]", "[3, 2, 1]")),
    )


@pytest.mark.parametrize("source", [" [1]", " [1, 2].", " [1][2]", " (2021)", ".[1]"])
def test_a_source_is_none_behind_a_name(source):
    assert vote("Who wrote the foreword?", f"Ida Holm wrote the foreword{source}") == "ida holm"


def test_a_source_is_none_where_things_are_returned():
    question = "How long does a customer have to return an item?"
    assert (
        vote(question, "Returns are possible for 30 days after you bought the item [2].")
        == "30 days"
    )


# -- lists on lines, links, regrets -----------------------------------------------------------


@given(
    st.permutations(("Red", "Yellow", "Blue")),
    st.sampled_from(["- {}", "* {}", "{n}. {}", "{n}) {}"]),
)
def test_items_on_lines_are_one_list_and_not_another(items, frame):
    question = "What are the primary colours?"
    lines = [frame.format(item, n=place) for place, item in enumerate(items, 1)]
    for text in ("\n".join(lines), "The primary colours are:\n\n" + "\n".join(lines)):
        assert vote(question, text) == vote(question, "Red, yellow and blue.")
        differ(question, text, "Red, green and blue.", "Red and blue.")
    differ(question, "Red, yellow and blue.", "They are not:\n\n" + "\n".join(lines))


@pytest.mark.parametrize("text", ["- Red: warm\n- Blue: cold", "- Red\n- Blue, but not always"])
def test_items_that_say_more_are_no_list_of_names(text):
    differ("What are the primary colours?", "Red and blue.", text)


def test_a_link_is_its_address_if_it_shows_it():
    question = "Which email address should be used?"
    assert vote(question, "[a@b.org](mailto:a@b.org)") == vote(question, "a@b.org")
    differ(question, "a@b.org", "[a@b.org](mailto:c@b.org)", "[c@b.org](mailto:c@b.org)")


@pytest.mark.parametrize(
    ("question", "yes", "no"),
    [
        ("Is the lift covered?", "Fortunately, the lift is covered.", "Unfortunately, the lift is not covered."),
        ("Is the lift covered?", "Fortunately, yes.", "Unfortunately, no."),
        ("Ist Rauchen erlaubt?", "Rauchen ist glücklicherweise erlaubt.", "Leider ist Rauchen nicht erlaubt."),
        ("Le musée est-il ouvert ?", "Oui, heureusement.", "Malheureusement, le musée n'est pas ouvert."),
    ],
)  # fmt: skip
def test_regret_changes_no_fact(question, yes, no):
    assert (vote(question, yes), vote(question, no)) == ("yes", "no")


@pytest.mark.parametrize("sorry", ["Unfortunately, only on Mondays.", "Unfortunately, partly."])
def test_regret_hides_no_condition(sorry):
    differ("Is the lift covered?", "Yes.", "No.", sorry)
