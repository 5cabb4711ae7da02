"""Asking a person for labels, question by question, in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bestofinf.cli.terminal import Console
from bestofinf.errors import UsageError

if TYPE_CHECKING:
    from bestofinf.evaluation import EvaluationSet, EvaluationStore
    from bestofinf.evaluation.rows import Provenance
    from bestofinf.weights import Decider, Wanted

HELP = "number of a vote, another answer, = before an answer that is a number or s, u, q"
KEYS = "s skips, u takes the last one back, q ends"


class Desk:
    """Asks for labels of the questions of one store, and records them.

    Args:
        store: Open for writing.
        answer: Answer type that counts equivalent answers as one; None for the default.
        file: The file of questions that `bestofinf run` answered, for the texts of the questions;
            None for none.
        members: Names of the members to compare; None chooses.
        seed: Seed of the questions drawn at random.
        source: Name of the person or program that gives the labels.
    """

    def __init__(
        self,
        store: EvaluationStore,
        answer: str | None,
        *,
        file: Path | None = None,
        members: Sequence[str] | None = None,
        seed: int = 0,
        source: str = "",
    ) -> None:
        from bestofinf.evaluation.canonical import read_answers

        self._store, self._members, self._seed = store, members, seed
        self._source = source
        self.questions: EvaluationSet = read_answers(store.read().ordered, answer).evaluation_set
        self._texts = {} if file is None else texts_of(file)
        self._console = Console(highlight=False, soft_wrap=True)

    def ask(self, number: int, *, talking: bool) -> list[Wanted]:
        """Ask for the labels that improve the weights most; return the questions left unlabelled."""
        from bestofinf.weights import to_label

        wanted = to_label(self.questions, number, self._members)
        return self._all(wanted, "asked", talking=talking)

    def random(self, number: int, *, talking: bool) -> list[Wanted]:
        """Ask for labels of questions drawn at random; return the questions left unlabelled.

        Questions whose right answer is known already are recorded as drawn and not asked again.
        """
        from bestofinf.weights import at_random

        drawn = frozenset(q.id for q in self.questions if q.provenance == "random")
        wanted = at_random(self.questions, number, seed=self._seed, drawn=drawn)
        for question in wanted:
            if question.gold is not None:
                self._keep(question.id, question.gold, "random")
        return self._all([w for w in wanted if w.gold is None], "random", talking=talking)

    def decide(self, first: str, second: str, *, talking: bool) -> Decider:
        """Ask until it is settled which of two candidates is better; return the state of the test."""
        from bestofinf.view.deciding import given_for, purpose
        from bestofinf.weights import Decider

        source = self._source or purpose(first, second)
        earlier = frozenset(
            q.id
            for q in self.questions
            if q.gold is not None
            and q.provenance == "asked"
            and given_for(self._store.labels(q.id)[-1].source, source)
        )
        decider = Decider(
            self.questions,
            self._candidate(first),
            self._candidate(second),
            seed=self._seed,
            earlier=earlier,
        )
        self._console.print(
            f"{len(decider.differing)} of {len(self.questions)} questions differ; first is {first}, "
            f"second {second}"
        ) if talking else None
        while talking and (wanted := decider.next()) is not None:
            said = self._question(wanted, str(decider.verdict()))
            if said is QUIT or said is SKIP:
                break
            if said is UNDO:
                taken = decider.undo()
                if taken is not None:
                    self._store.label(taken, None, source=source)
                continue
            self._keep(wanted.id, said, "asked", source)
            decider.tell(wanted.id, said)
        return decider

    def _candidate(self, name: str) -> Mapping[str, float]:
        """Return the weights that a name on the command line means."""
        from bestofinf.cli.replay import weights_by_member
        from bestofinf.ensemble.config import read_config
        from bestofinf.weights import OBJECTIVES, fit_weights

        if name in self.questions.members:
            return {name: 1.0}
        if name == "uniform":
            chosen = self._members or self.questions.members
            return {member: 1 / len(chosen) for member in chosen}
        if name in OBJECTIVES:
            return dict(fit_weights(self.questions, name, members=self._members).weights)
        file, _, ensemble = name.rpartition(".toml")
        if file and (not ensemble or ensemble.startswith(":")):
            return read_config(f"{file}.toml").ensemble(ensemble[1:] or None).weights
        if Path(name).is_file():
            return weights_by_member(Path(name))
        raise UsageError(
            f"a candidate is a member ({', '.join(self.questions.members)}), an objective "
            f"({', '.join(OBJECTIVES)}), a file of weights, or an ensemble's file "
            f"(ensemble.toml, or ensemble.toml:NAME of several), got {name!r}"
        )

    def _all(
        self, wanted: Sequence[Wanted], provenance: Provenance, *, talking: bool
    ) -> list[Wanted]:
        """Ask some questions in turn, and return those without a label."""
        wanted = [replace(question, prompt=self._text(question)) for question in wanted]
        given: list[int] = []
        place = 0
        while talking and place < len(wanted):
            question = wanted[place]
            said = self._question(question, f"{place + 1} of {len(wanted)}")
            if said is QUIT:
                break
            if said is UNDO:
                if given:
                    place = given.pop()
                    self._store.label(wanted[place].id, None, source=self._source)
                continue
            if said is not SKIP:
                self._keep(question.id, said, provenance)
                given.append(place)
            place += 1
        return [question for at, question in enumerate(wanted) if at not in given]

    def _keep(
        self, question: str, gold: str, provenance: Provenance, source: str | None = None
    ) -> None:
        self._store.label(question, gold, source=source or self._source, provenance=provenance)

    def _text(self, wanted: Wanted) -> str | None:
        """Return the question in full: the last user message if known, else the prompt, else None."""
        question = next(q for q in self.questions if q.id == wanted.id)
        return self._texts.get(wanted.id) or question.last_message or question.prompt

    def _question(self, wanted: Wanted, told: str) -> str:
        """Show a question and return the person's input: an answer, or `SKIP`, `UNDO` or `QUIT`."""
        text = (
            self._text(wanted) or "(its text is not kept: give --file with the file that was run)"
        )
        self._console.print(f"\n[bold]{wanted.id}[/]  {told}")
        self._console.print(text, markup=False)
        votes = list(wanted.votes)
        for number, vote in enumerate(votes, 1):
            self._console.print(f"  {number}) {vote}  ({wanted.votes[vote]})", markup=False)
        return read_reply(lambda: typer.prompt(f"{HELP}; {KEYS}", prompt_suffix=": "), votes)


SKIP, UNDO, QUIT = "\0skip", "\0undo", "\0quit"
_KEYS = {"s": SKIP, "u": UNDO, "q": QUIT}


def read_reply(read: Callable[[], str], votes: Sequence[str]) -> str:
    """Return the answer that a typed line means, or `SKIP`, `UNDO` or `QUIT`.

    Args:
        read: Reads one line; at the end of the input the result is `QUIT`.
        votes: The answers shown to the person, numbered from 1.
    """
    try:
        said = read().strip()
    except (EOFError, typer.Abort):
        return QUIT
    if said.startswith("="):
        return said[1:].strip() or SKIP
    if said in _KEYS:
        return _KEYS[said]
    if said.isdecimal() and 1 <= int(said) <= len(votes):
        return votes[int(said) - 1]
    return said or SKIP


def texts_of(path: Path) -> dict[str, str]:
    """Return the prompts of a file that was run, by the ids that its questions have in a store."""
    from bestofinf.batches.files import QuestionFile
    from bestofinf.evaluation.identity import question_id

    found: dict[str, str] = {}
    for question in QuestionFile(path):
        found[question_id(question.prompt)] = question.prompt
        found.setdefault(question.id, question.prompt)
    return found
