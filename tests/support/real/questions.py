"""256 short questions of eight kinds, whose replies are the answer: fixed, and the same every time.

Four kinds are closed (a class, a route, a letter, yes or no), four are open (a sum, the larger
number, an opposite, a value taken out of a sentence). Two prompts ask for them as a conversation:
``few`` gives an instruction and four examples, ``two`` gives two other examples and no instruction.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

PROMPTS = ("few", "two")
EACH = 32
SEED = 20261129

Message = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        id: Its kind and number, as in ``sum/3``.
        text: What is asked, without examples.
        gold: The right answer.
        choices: The answers that it may have; empty if it is open.
    """

    id: str
    text: str
    gold: str
    choices: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Kind:
    """What the questions of one kind share: an instruction, and examples with their answers."""

    instruction: str
    examples: tuple[tuple[str, str], ...]
    others: tuple[tuple[str, str], ...]
    choices: tuple[str, ...] = ()


KINDS = {
    "sentiment": Kind(
        "Is the review positive or negative? Answer with one word.",
        (
            ("Review: The soup was cold and bland.", "negative"),
            ("Review: Best holiday of my life!", "positive"),
            ("Review: The screen cracked on day one.", "negative"),
            ("Review: Friendly staff and lovely rooms.", "positive"),
        ),
        (
            ("Positive or negative? I loved every page.", "positive"),
            ("Positive or negative? It broke in a week.", "negative"),
        ),
        ("positive", "negative"),
    ),
    "route": Kind(
        "Which team should answer: billing, technical, sales or shipping? Answer with one word.",
        (
            ("Message: I cannot log in to my account.", "technical"),
            ("Message: Why was I charged twice?", "billing"),
            ("Message: Which plan suits ten people?", "sales"),
            ("Message: Where is my parcel?", "shipping"),
        ),
        (
            ("billing, technical, sales or shipping? My box arrived torn.", "shipping"),
            ("billing, technical, sales or shipping? My card was refused.", "billing"),
        ),
        ("billing", "technical", "sales", "shipping"),
    ),
    "letter": Kind(
        "Answer with the letter of the right choice.",
        (
            ("Which is a fruit?\nA) chair\nB) plum\nC) shoe\nD) bus", "B"),
            ("Which is a colour?\nA) green\nB) spoon\nC) horse\nD) rain", "A"),
            ("Which is an animal?\nA) door\nB) milk\nC) lamp\nD) goat", "D"),
            ("Which is a vehicle?\nA) bread\nB) wool\nC) tram\nD) leaf", "C"),
        ),
        (
            ("Which is a drink?\nA) sock\nB) roof\nC) juice\nD) wall", "C"),
            ("Which is a tool?\nA) pliers\nB) snow\nC) cheese\nD) cloud", "A"),
        ),
        ("A", "B", "C", "D"),
    ),
    "yes-no": Kind(
        "Answer with yes or no.",
        (
            ("Is a plum a fruit?", "yes"),
            ("Is a goat a vehicle?", "no"),
            ("Is a tram a colour?", "no"),
            ("Is green a colour?", "yes"),
        ),
        (("Is juice a tool, yes or no?", "no"), ("Is a plier a tool, yes or no?", "yes")),
        ("yes", "no"),
    ),
    "sum": Kind(
        "Answer with a number only.",
        (("12 + 5", "17"), ("9 + 9", "18"), ("20 + 7", "27"), ("6 + 8", "14")),
        (("What is 11 + 4?", "15"), ("What is 3 + 5?", "8")),
    ),
    "larger": Kind(
        "Answer with the larger number.",
        (("41 or 17", "41"), ("8 or 80", "80"), ("63 or 36", "63"), ("25 or 52", "52")),
        (("Which is larger, 19 or 91?", "91"), ("Which is larger, 70 or 7?", "70")),
    ),
    "opposite": Kind(
        "Answer with the opposite of the word.",
        (("early", "late"), ("strong", "weak"), ("inside", "outside"), ("buy", "sell")),
        (("The opposite of rise?", "fall"), ("The opposite of clean?", "dirty")),
    ),
    "extract": Kind(
        "Answer with the value that is asked for, taken from the sentence.",
        (
            ("Nora, 52, a baker, lives in Ghent. City?", "Ghent"),
            ("Nora, 52, a baker, lives in Ghent. Job?", "baker"),
            ("Amir, a pilot of 38 years, is from Izmir. Age?", "38"),
            ("Amir, a pilot of 38 years, is from Izmir. Name?", "Amir"),
        ),
        (
            ("Lena, 27, a tailor, lives in Turin. What is her job?", "tailor"),
            ("Lena, 27, a tailor, lives in Turin. What is her age?", "27"),
        ),
    ),
}

_POSITIVE = [
    "A charming little film.",
    "The tent kept us dry all night.",
    "Quick delivery and a great price.",
    "My children ask for it every day.",
    "The pianist was simply wonderful.",
    "Worth every penny.",
    "I have never slept better.",
    "The guide knew everything and made us laugh.",
    "Crisp, light and full of flavour.",
    "It does exactly what it promises.",
    "The plot kept me awake until three.",
    "Support solved my problem in minutes.",
    "A warm welcome and a spotless kitchen.",
    "The battery lasts for days.",
    "I would buy it again tomorrow.",
    "The garden is a joy in spring.",
]
_NEGATIVE = [
    "I want my money back.",
    "The heating was off and nobody cared.",
    "Two hours late and no excuse.",
    "The ending ruins the whole book.",
    "It smells of plastic and does not fit.",
    "The waiter forgot us twice.",
    "A waste of a Sunday evening.",
    "The zip tore the first time I used it.",
    "Loud, dirty and far too dear.",
    "I fell asleep before the second act.",
    "The app loses all my notes.",
    "Never again with this airline.",
    "The coffee tastes burnt.",
    "They sent the wrong size and kept the money.",
    "The manual makes no sense.",
    "My skin was red for a week.",
]
_MESSAGES = {
    "billing": [
        "There are two invoices for May.",
        "I was billed after I cancelled.",
        "Can I pay by bank transfer?",
        "My refund has not arrived.",
        "The amount on my invoice is wrong.",
        "Please send a receipt for March.",
        "My discount was not taken off.",
        "When is my payment due?",
    ],
    "technical": [
        "The app crashes when I open it.",
        "The page stays white.",
        "I get error 502 all day.",
        "The update broke my printer.",
        "Two-factor codes do not work.",
        "My files will not sync.",
        "The camera is not recognised.",
        "Search finds nothing since yesterday.",
    ],
    "sales": [
        "Do you have a discount for schools?",
        "I would like a quote for fifty seats.",
        "What does the premium plan include?",
        "Can I try it before I buy?",
        "Is there a version for hospitals?",
        "We want to buy more licences.",
        "Can somebody show us a demo?",
        "How do your plans compare?",
    ],
    "shipping": [
        "My package never came.",
        "The courier left it at the wrong door.",
        "Can I change the delivery address?",
        "The tracking number does not work.",
        "Do you deliver to Norway?",
        "The parcel was soaked with rain.",
        "How long does express delivery take?",
        "Half of my order is missing from the box.",
    ],
}
_THINGS = {
    "a fruit": "apple|pear|cherry|lemon|grape|peach",
    "an animal": "dog|tiger|rabbit|whale|sheep|eagle",
    "a vehicle": "car|truck|bicycle|train|boat|plane",
    "a tool": "hammer|saw|drill|wrench|axe|shovel",
    "a colour": "red|blue|yellow|purple|black|white",
    "a drink": "tea|coffee|water|milk|beer|wine",
    "a piece of clothing": "shirt|jacket|scarf|glove|hat|coat",
    "a country": "France|Japan|Brazil|Kenya|Norway|Canada",
}
_BARE = frozenset(_THINGS["a colour"].split("|") + _THINGS["a drink"].split("|"))
_OPPOSITES = [
    "hot cold",
    "big small",
    "up down",
    "open closed",
    "fast slow",
    "happy sad",
    "light dark",
    "old young",
    "wet dry",
    "hard soft",
    "full empty",
    "rich poor",
    "left right",
    "day night",
    "true false",
    "high low",
    "near far",
    "first last",
    "win lose",
    "push pull",
    "long short",
    "thick thin",
    "begin end",
    "cheap expensive",
    "loud quiet",
    "love hate",
    "wide narrow",
    "heavy light",
    "sweet sour",
    "war peace",
    "front back",
    "alive dead",
]
_PEOPLE = tuple(
    zip(
        ["Anna", "Omar", "Priya", "Lukas", "Chloe", "Mateo", "Yuki", "Sofia"],
        ["Oslo", "Cairo", "Delhi", "Vienna", "Lyon", "Lima", "Kyoto", "Porto"],
        ["nurse", "teacher", "lawyer", "farmer", "dentist", "plumber", "painter", "chemist"],
        (31, 45, 24, 63, 36, 58, 29, 47),
        strict=True,
    )
)


def questions() -> tuple[Asked, ...]:
    """Return all questions, those of a kind together."""
    return tuple(_all())


def fingerprint() -> str:
    """Return a hash of all questions and prompts."""
    everything = [(a.id, a.gold, a.choices, [messages(a, p) for p in PROMPTS]) for a in _all()]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()[:16]


def messages(asked: Asked, prompt: str) -> list[Message]:
    """Return the conversation that asks a question."""
    kind = KINDS[asked.kind]
    examples = kind.examples if prompt == "few" else kind.others
    said = [{"role": "system", "content": kind.instruction}] if prompt == "few" else []
    for question, answer in examples:
        said += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    text = asked.text if prompt == "few" else _SECOND[asked.kind](asked.text)
    return [*said, {"role": "user", "content": text}]


_SECOND = {
    "sentiment": lambda text: text.replace("Review:", "Positive or negative?"),
    "route": lambda text: text.replace("Message:", "billing, technical, sales or shipping?"),
    "letter": lambda text: text,
    "yes-no": lambda text: text.replace("?", ", yes or no?"),
    "sum": lambda text: f"What is {text}?",
    "larger": lambda text: f"Which is larger, {text}?",
    "opposite": lambda text: f"The opposite of {text}?",
    "extract": lambda text: text,
}


def _all() -> Iterator[Asked]:
    makers = (_sentiment, _route, _letter, _yes_no, _sum, _larger, _opposite, _extract)
    for (name, kind), made in zip(KINDS.items(), makers, strict=True):
        for place, (text, gold) in enumerate(made(random.Random(f"{SEED}/{name}"))):
            yield Asked(f"{name}/{place}", text, gold, kind.choices)


def _sentiment(source: random.Random) -> list[tuple[str, str]]:
    found = [(f"Review: {text}", "positive") for text in _POSITIVE]
    found += [(f"Review: {text}", "negative") for text in _NEGATIVE]
    return source.sample(found, EACH)


def _route(source: random.Random) -> list[tuple[str, str]]:
    found = [(f"Message: {text}", team) for team, texts in _MESSAGES.items() for text in texts]
    return source.sample(found, EACH)


def _letter(source: random.Random) -> Iterator[tuple[str, str]]:
    groups = {group: things.split("|") for group, things in _THINGS.items()}
    for place in range(EACH):
        group = list(groups)[place % len(groups)]
        right = groups[group][place // len(groups)]
        strangers = source.sample([other for other in groups if other != group], 3)
        shown = [source.choice(groups[other]) for other in strangers]
        at = (place + place // 4) % 4  # every letter is right equally often
        shown.insert(at, right)
        listed = "\n".join(
            f"{letter}) {thing}" for letter, thing in zip("ABCD", shown, strict=True)
        )
        yield f"Which is {group}?\n{listed}", "ABCD"[at]


def _yes_no(source: random.Random) -> Iterator[tuple[str, str]]:
    groups = {group: things.split("|") for group, things in _THINGS.items()}
    for place in range(EACH):
        group = list(groups)[place % len(groups)]
        true = (place + place // len(groups)) % 2 == 0
        home = group if true else source.choice([other for other in groups if other != group])
        thing = groups[home][2 + place // len(groups)]
        bare = thing in _BARE or thing[0].isupper()
        article = "" if bare else "an " if thing[0] in "aeio" else "a "
        yield f"Is {article}{thing} {group}?", "yes" if true else "no"


def _sum(source: random.Random) -> Iterator[tuple[str, str]]:
    taken = {(12, 5), (9, 9), (20, 7), (6, 8), (11, 4), (3, 5)}
    while len(taken) < EACH + 6:
        a, b = source.randint(2, 30), source.randint(2, 15)
        if (a, b) not in taken:
            taken.add((a, b))
            yield f"{a} + {b}", str(a + b)


def _larger(source: random.Random) -> Iterator[tuple[str, str]]:
    for place in range(EACH):
        a, b = source.sample(range(2, 100 if place % 2 else 1000), 2)
        yield f"{a} or {b}", str(max(a, b))


def _opposite(source: random.Random) -> list[tuple[str, str]]:
    found = [tuple(pair.split()) for pair in _OPPOSITES]
    return source.sample([(word, other) for word, other in found], EACH)


def _extract(source: random.Random) -> Iterator[tuple[str, str]]:
    for name, city, job, age in _PEOPLE:
        said = source.choice(
            (
                f"{name}, {age}, a {job}, lives in {city}.",
                f"{name}, a {job} of {age} years, is from {city}.",
            )
        )
        for asked, gold in (("City", city), ("Job", job), ("Age", str(age)), ("Name", name)):
            yield f"{said} {asked}?", gold
