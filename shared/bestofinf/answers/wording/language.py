"""What a language brings along: its small words, by what they do in a sentence.

Every table is a string of words; ``at_least`` is two words that stand for one. A stem is what is
left of a word without its ending, so that "opened" and "opening" are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Words: TypeAlias = str


def folded(text: str) -> str:
    """Return a word as it is compared: in small letters."""
    return text.casefold()


def listed(words: Words) -> tuple[str, ...]:
    """Return the words of a table; an underscore joins words that stand for one."""
    return tuple(word.replace("_", " ") for word in folded(words).split())


def groups(lines: str) -> tuple[tuple[str, ...], ...]:
    """Return the lines of a table, each a group of words."""
    return tuple(listed(line) for line in lines.strip().splitlines() if line.strip())


@dataclass(frozen=True, kw_only=True)
class Language:
    """The words of one language.

    Attributes:
        code: As in ISO 639-1.
        decimal: The decimal mark; the other of comma and point sets thousands apart.
        elides: Whether a word before an apostrophe is one of its own, as in "l'hôtel".
        accents: Whether forms of one word differ in their accents.
        inverts: Whether a subject may follow its verb in a plain sentence.
        blanks: Whether words are set apart by blanks.
        compounds: Whether nouns are written together, so that the end of one says the same.
        pointed: Whether a point behind a number makes it an ordinal.
        articles: Articles and what stands for a thing named before: pronouns, pointers.
        be: Forms of the copula and of auxiliaries in the present.
        was: Forms of them in the past.
        prepositions: Words that say how two things are related.
        plain: Prepositions that turn no value; others do unless the question has them.
        percents: Nouns that ask for a number of percent.
        modals: Words for what may, must or should be, each line of one sense.
        fillers: Words that change no fact.
        nouns: Nouns that stand for whoever or whatever is meant, without naming it.
        tells: Verbs and nouns with which a source states something.
        yes: Words that affirm.
        no: Words that deny.
        true: Words that call a statement true.
        false: Words that call it wrong.
        negations: Words that turn a statement into its opposite.
        doubles: Words that go with a negation and are none themselves, as "ne" in French.
        conditions: Words after which a statement holds only sometimes or in part.
        guards: Words after which a fact is not, or no longer, the one that was asked for.
        signs: Words of one sign, in writing without blanks, that part others wherever they stand.
        particles: Words at the end of a question to be answered by yes or no.
        causes: Prepositions that lead a reason.
        comparators: Sign and the words that mean it, one line each.
        per: Words that lead what a quantity is counted by.
        rates: Unit of time and the words for "once in it", one line each.
        times: Number and the word for "so many times", one line each.
        counting: Words for "times", after a number.
        classifiers: Words between a number and what is counted, which name no unit.
        joins: Words for "and".
        ors: Words for "or".
        agents: Words that lead whoever does what a passive verb says.
        places: Prepositions that only say that something is somewhere.
        at_times: Prepositions that only say that something is at a time.
        until: Prepositions that lead the end of a time.
        contrasts: Words that set one thing against another, which follows them.
        documents: Nouns for what was read.
        mentions: Verbs and adjectives of what a document says.
        knowledge: Nouns and verbs of knowing and finding.
        sources: Openings that name where a statement comes from.
        references: Nouns of places in a document, before a number.
        relatives: Words that open a clause about what was named.
        interrogatives: Kind of question and the words that open it, one line each.
        quantities: Kind of quantity and the nouns that ask for one, one line each.
        auxiliaries: Words that open a question to be answered by yes or no; at its end where the
            language asks so.
        wholes: Words that ask which of two did it to the other.
        haves: Forms of "have", which make no passive.
        does: Forms of "do", which show that a question does not ask for the subject.
        perfect: Words that make a question about the present one about what has been.
        participles: Endings of participles.
        turning: Prepositions that make a value or a name another one than was asked for.
        deadlines: Words of questions whose answer may be led by "by" or "until".
        units_in: Words before a unit that a number is wanted in.
        starts: Words behind a duration, before what it is counted from.
        within: Words before a duration that has a start, so that "of" leads it.
        verbal: Parts of verbs that look like prepositions.
        prohibits: Modals that forbid where they are negated, instead of allowing the opposite.
        changes: Verbs of change, whose amount may be led by "by".
        passives: Auxiliaries of a passive whose participle stands at the end.
        cases: Particles behind a noun that tell who does it from what it is done to.
        genitives: Prepositions that only tie two nouns, or a verb to its object.
        withouts: Negations that are prepositions.
        determiners: Articles and what stands in their place before a noun.
        chooses: Words with which a choice is made.
        separable: Parts of verbs that stand at the end of a sentence.
        buts: Words that end what a negation denies.
        offers: Verbs of what a document has, but other things may have too.
        unknowns: Words that say by themselves that something is not known.
        regrets: Words of politeness around that.
        lacks: Words of questions for what is not there, or not as it should be.
        says: What is asked for, and the words that may say it, one line each.
        afterwards: Sign, and the words that mean it behind an amount, one line each.
        hours: Minute of the day, and its name, one line each.
        than: Words before what something is compared with.
        comparatives: Endings of comparatives, or whole ones, before such a word.
        more: Words that make a comparative of an adjective.
        less: Words that make the opposite comparative.
        synonyms: Words that say the same, one group a line.
        akin: Words that say the same only where a value or a name is asked for, one group a line:
            what is shipped is not yet delivered, but "when was it shipped" is one question.
        opposites: Pairs of words that say the opposite, one a line.
        prefixes: Beginnings that turn a word into its opposite.
        beginnings: Beginnings of participles, to be taken off.
        endings: Endings of words, to be taken off.
        irregular: Words with a stem of their own: stem first, one group a line.
        units: Symbol of a unit and its names, beyond those of the locale, one line each.
        ordinal: Letters that make a number an ordinal.
        ones: Words that are one before a unit or a hundred, and else an article.
        between: Words before a range whose ends "and" joins.
        ranges: Words between the ends of a range.
        after_amount: Words that lead what an amount is counted by only right behind it.
        numerals: Number and its words, one line each.
        hundreds: Words that multiply what stands before them: number and words, a line each.
        half: Words for one half.
        linked: Words inside a numeral that add nothing.
        clock: Words that follow an hour.
        mornings: Words that put an hour into the first half of the day.
        evenings: Words that put an hour into the second half.
        titles: Titles before a name.
        inside: Words that may stand inside a name.
        ids: Nouns that ask for an identifier, which is compared by its characters.
        orders: Words of questions for an order, in which a list is then compared.
        sequences: Nouns that mean an order behind a preposition or an interrogative.
        nexts: Words that ask for an order beside a number, as in "the next three".
        ranks: Words for places in an order, of which a question for an order names several.
    """

    code: str
    decimal: str = "."
    elides: bool = False
    accents: bool = False
    inverts: bool = False
    blanks: bool = True
    compounds: bool = False
    pointed: bool = False
    articles: Words = ""
    be: Words = ""
    was: Words = ""
    prepositions: Words = ""
    plain: Words = ""
    percents: Words = ""
    modals: str = ""
    fillers: Words = ""
    nouns: Words = ""
    tells: Words = ""
    yes: Words = ""
    no: Words = ""
    true: Words = ""
    false: Words = ""
    negations: Words = ""
    doubles: Words = ""
    conditions: Words = ""
    guards: Words = ""
    particles: Words = ""
    signs: Words = ""
    causes: Words = ""
    comparators: str = ""
    per: Words = ""
    rates: str = ""
    times: str = ""
    counting: Words = ""
    classifiers: Words = ""
    joins: Words = ""
    ors: Words = ""
    agents: Words = ""
    places: Words = ""
    at_times: Words = ""
    until: Words = ""
    contrasts: Words = ""
    documents: Words = ""
    mentions: Words = ""
    knowledge: Words = ""
    sources: Words = ""
    references: Words = ""
    relatives: Words = ""
    interrogatives: str = ""
    quantities: str = ""
    auxiliaries: Words = ""
    wholes: Words = ""
    haves: Words = ""
    does: Words = ""
    perfect: Words = ""
    participles: Words = ""
    turning: Words = ""
    deadlines: Words = ""
    units_in: Words = ""
    starts: Words = ""
    within: Words = ""
    verbal: Words = ""
    prohibits: Words = ""
    changes: Words = ""
    passives: Words = ""
    cases: Words = ""
    genitives: Words = ""
    separable: Words = ""
    buts: Words = ""
    withouts: Words = ""
    determiners: Words = ""
    chooses: Words = ""
    offers: Words = ""
    unknowns: Words = ""
    regrets: Words = ""
    lacks: Words = ""
    says: str = ""
    afterwards: str = ""
    hours: str = ""
    than: Words = ""
    comparatives: Words = ""
    more: Words = ""
    less: Words = ""
    synonyms: str = ""
    akin: str = ""
    opposites: str = ""
    prefixes: Words = ""
    beginnings: Words = ""
    endings: Words = ""
    irregular: str = ""
    units: str = ""
    ordinal: Words = ""
    ones: Words = ""
    ranges: Words = ""
    between: Words = ""
    after_amount: Words = ""
    numerals: str = ""
    hundreds: str = ""
    half: Words = ""
    linked: Words = ""
    clock: Words = ""
    mornings: Words = ""
    evenings: Words = ""
    titles: Words = ""
    inside: Words = ""
    ids: Words = ""
    orders: Words = ""
    sequences: Words = ""
    nexts: Words = ""
    ranks: Words = ""
