"""Votes with the probabilities of the replies themselves: ``python -m benchmarks.mass [PART ...]``.

``certificate``: made distributions of 2 to 500 answers whose probabilities are known: what the
certificate of the rule ``mass`` costs and whether it is ever wrong. The others are on the recorded
replies of a small real model (``tests/real/recorded``, 256 questions, two prompts, 32 replies each):
``elections`` whom a fixed number of samples elects by votes and by probabilities, ``stopping`` the
samples that an agreement takes, every half of the questions with the kappa of the other;
``reasoning`` what probabilities say behind steps of reasoning, of the tiny models.

Votes are compared with a *mode*: that of the 32 recorded replies by counts, with samples put back, or
the best estimate that there is, by the processed probabilities of all distinct replies among the 32,
and what they leave unseen by counts. Errors are standard errors over questions.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Figures, connect_support, table
from bestofinf.calibration import fit_kappa
from bestofinf.evaluation import EvaluationSet, Question, Samples
from bestofinf.evaluation.canonical import canonical
from bestofinf.records import Reply
from bestofinf.replay.draws import Resampler
from bestofinf.replay.populations import Population, alone
from bestofinf.replay.voting import vote_recorded
from bestofinf.rules import (
    CertifiedMajority,
    FixedSamples,
    MaxSamples,
    OptimalStopping,
    ProbabilityMass,
    StopRule,
)
from bestofinf.rules.mass_arrays import MassArrays
from bestofinf.rules.tally_arrays import TallyArrays
from bestofinf.tiny import Choice, Options, load, questions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CERTIFICATE = ProbabilityMass(1e-7, scatter=None)
PRICES = (0.04, 0.02, 0.0132, 0.0066, 0.0033, 0.0017, 0.0008, 0.0004)
KAPPAS = (0.0, 1.0, 3.0, 6.0, 12.0, 24.0)
SIZES = (2, 3, 5, 10, 30, 100, 500)
MOST = 64


@dataclass
class Made:
    """Distributions of replies: the chance of each, and its answer; shape (rows, replies)."""

    chance: Floats
    answer: Ints
    answers: int

    @property
    def shares(self) -> Floats:
        found = np.zeros((len(self.chance), self.answers))
        np.add.at(found, (np.arange(len(found))[:, None], self.answer), self.chance)
        return found


def made(rng: np.random.Generator, rows: int, answers: int) -> Made:
    """Make distributions whose answers are said in one to three ways each."""
    found = []
    for _ in range(rows):
        ways = rng.integers(1, 4, size=answers)
        share = rng.dirichlet(np.full(answers, 10 ** rng.uniform(-2.0, 0.5)))
        answer = np.repeat(np.arange(answers), ways)
        chance = share[answer] * np.concatenate([rng.dirichlet(np.ones(n)) for n in ways])
        found.append((chance / chance.sum(), answer))
    most = max(len(chance) for chance, _ in found)
    columns = (
        np.array([np.pad(row[place], (0, most - len(row[place]))) for row in found])
        for place in (0, 1)
    )
    return Made(*columns, answers)


def vote_on(
    rule: StopRule, world: Made, rng: np.random.Generator, most: int
) -> tuple[Ints, Ints, Any]:
    """Return the samples of each vote, whom it elected, and whether the rule ended it."""
    rows = len(world.chance)
    tallies = TallyArrays(rows, world.answers)
    tallies.masses = MassArrays(rows, world.answers, 1, world.chance.shape[1])
    steps = world.chance.cumsum(axis=1)
    left = np.arange(rows)
    samples, elected = np.full(rows, most), np.full(rows, -1)
    ended = np.zeros(rows, dtype=np.bool_)
    for step in range(1, most + 1):
        drawn = (rng.random((len(left), 1)) > steps[left]).sum(axis=1)
        drawn = np.minimum(drawn, world.chance.shape[1] - 1)
        tallies.count(
            world.answer[left, drawn],
            tokens=np.ones(len(left), dtype=np.int64),
            member=np.zeros(len(left), dtype=np.int64),
            said=(drawn, world.chance[left, drawn], np.ones(len(left), dtype=np.bool_)),
        )
        fired = rule.check_many(tallies)
        assert fired is not None
        stops = fired | (step == most)
        samples[left[stops]], ended[left[stops]] = step, fired[stops]
        elected[left[stops]] = np.where(fired, rule.answers_many(tallies), tallies.leader)[stops]
        tallies.keep(~stops)
        left = left[~stops]
        if not len(left):
            break
    return samples, elected, ended


def certificate(quick: bool) -> Figures:
    """Measure the certificate on made distributions, beside the rules that know votes alone."""
    rng = np.random.default_rng(1)
    rows, most = (1_000 if quick else 10_000) // len(SIZES) + 1, 200
    lines, wrong_in_all = [], 0
    for size in SIZES:
        world = made(rng, rows, size)
        best = world.shares.max(axis=1)
        cells = [str(size)]
        for rule in (CERTIFICATE, CertifiedMajority(0.05), OptimalStopping()):
            samples, elected, ended = vote_on(rule, world, rng, most)
            hit = world.shares[np.arange(rows), elected] >= best - 1e-9
            cells.append(f"{samples.mean():.1f} ± {samples.std() / math.sqrt(rows):.1f}")
            if rule is CERTIFICATE:
                wrong = int((ended & ~hit).sum())
                wrong_in_all += wrong
                cells += [f"{ended.mean():.3f}", str(wrong)]
            cells.append(f"{hit.mean():.3f}")
        lines.append(cells)
    head = (
        "answers | certificate: samples | ended | wrong | elects the mode "
        "| certified: samples | elects the mode | balanced: samples | elects the mode"
    )
    print(table(head, lines))
    return {"wrong": wrong_in_all}


@cache
def populations(kind: str) -> list[Population]:
    """Return the recorded questions, one for each prompt; read as texts that are their answers."""
    connect_support()
    from support.real.recorded import evaluation_set

    found = alone(canonical(evaluation_set(kind), "text"))  # type: ignore[arg-type]
    return sorted(found, key=lambda p: (len(p.texts), p.question, p.group))


def best_estimate(population: Population) -> NDArray[np.bool_]:
    """Return the mode by processed probabilities, and by counts as far as they leave some unseen."""
    heard: dict[int, tuple[int, list[float]]] = {}
    for answer, said, chance in zip(
        population.answers[0], population.said[0], population.probabilities[0], strict=True
    ):
        heard.setdefault(int(said), (int(answer), []))[1].append(float(chance))
    share, total = np.zeros(len(population.shares)), 0.0
    for answer, chances in heard.values():
        total += float(np.mean(chances))
        if answer >= 0:
            share[answer] += np.mean(chances)
    share += max(0.0, 1 - total) * population.shares
    modes: NDArray[np.bool_] = share >= share.max() - 1e-12
    return modes


def modes_of(reference: str) -> list[NDArray[np.bool_]]:
    """Return the mode of each population, by counts or by the best estimate."""
    known = populations("processed")
    return [p.modes for p in known] if reference == "counts" else [best_estimate(p) for p in known]


@dataclass
class Course:
    """What a rule gave, per question: samples, and agreement with the mode."""

    samples: Floats
    agreement: Floats


def course(rule: StopRule, kind: str, reference: str, trials: int) -> Course:
    """Vote on every question, and take the mean over its prompts."""
    known, modes = populations(kind), modes_of(reference)
    back = reference == "counts"
    most = MOST if back else 32
    draws = Resampler(trials, most, replacement=back).draw(known)
    [votes] = vote_recorded(
        [rule | MaxSamples(most)], known, draws, stratified=True, usual=None, abstain_limit=None
    )
    answers = votes.answers.reshape(len(known), trials)
    agreed = [
        np.mean([place >= 0 and mode[place] for place in row])
        for row, mode in zip(answers, modes, strict=True)
    ]
    names = sorted({p.question for p in known})
    place = np.array([names.index(p.question) for p in known])
    each = np.bincount(place)
    samples = np.bincount(place, votes.samples.reshape(len(known), trials).mean(axis=1)) / each
    return Course(samples, np.bincount(place, np.array(agreed, dtype=np.float64)) / each)


def halves(questions: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the two halves of the questions, fixed before anything is measured."""
    first = np.zeros(questions, dtype=np.bool_)
    first[np.random.default_rng(29).permutation(questions)[: questions // 2]] = True
    return first, ~first


def error(values: Floats) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def elections(quick: bool) -> Figures:
    """Compare whom a fixed number of samples elects: by votes, and with probabilities."""
    trials, sizes = (5 if quick else 20), (1, 3, 5, 9, 15)
    lines = []
    for reference in ("counts", "best estimate"):
        for kind in ("raw", "processed"):
            found = {
                (kappa, n): course(
                    FixedSamples(n) if kappa is None else FixedSamples(n) | silent(kappa),
                    kind,
                    reference,
                    trials,
                ).agreement
                for kappa in (None, *KAPPAS[1:])
                for n in sizes
            }
            parts = halves(len(found[None, 5]))
            chosen, shown = [], {n: np.empty(len(parts[0])) for n in sizes}
            for mine, other in (parts, parts[::-1]):
                best = max(KAPPAS[1:], key=lambda k: float(found[k, 5][mine].mean()))
                chosen.append(best)
                for n in sizes:
                    shown[n][other] = found[best, n][other]
            by_votes = {n: found[None, n] for n in sizes}
            name = f"kappa {chosen[0]:g}, {chosen[1]:g}" if kind == "raw" else "shares"
            for by, agreed in (("votes", by_votes), (name, shown)):
                cells = [f"{agreed[n].mean():.3f} ± {error(agreed[n]):.3f}" for n in sizes]
                lines.append([f"{reference}, {kind}: {by}", *cells])
    print(
        table(
            "mode, probabilities: elected by | " + " | ".join(f"{n} samples" for n in sizes), lines
        )
    )
    return {}


def silent(kappa: float) -> StopRule:
    """Return a rule that elects by votes and probabilities and never stops."""
    return _Silent(1e-7, scatter=None, kappa=kappa)


class _Silent(ProbabilityMass):
    def check_many(self, tallies: TallyArrays) -> NDArray[np.bool_]:
        return np.zeros(len(tallies), dtype=np.bool_)


def at_level(courses: Sequence[Course], rows: Any, level: float) -> float:
    """Return the mean samples at an agreement, between settings; NaN out of reach."""
    points = sorted((c.samples[rows].mean(), c.agreement[rows].mean()) for c in courses)
    for (low, before), (high, after) in pairwise(points):
        if before < level <= after:
            return float(low + (high - low) * (level - before) / (after - before))
    return float(points[0][0]) if points[0][1] >= level else math.nan


def stopping(quick: bool) -> Figures:
    """Measure the samples at one agreement, each half of the questions with the kappa of the other."""
    trials, resamples = (4 if quick else 12), 300
    lines, figures = [], {}
    rng = np.random.default_rng(3)
    for reference, level in (("counts", 0.9), ("best estimate", 0.85)):
        for kind in ("raw", "processed"):
            plain = [course(OptimalStopping(p), kind, reference, trials) for p in PRICES]
            mass = {
                k: [course(ProbabilityMass(p, kappa=k), kind, reference, trials) for p in PRICES]
                for k in KAPPAS
            }
            parts = halves(len(plain[0].samples))
            kappas = [
                min(KAPPAS, key=lambda k: _or_more(at_level(mass[k], half, level)))
                for half in parts
            ]
            # Each half is shown with what the other half has chosen.
            shown = [
                Course(
                    np.where(parts[0], two.samples, one.samples),
                    np.where(parts[0], two.agreement, one.agreement),
                )
                for one, two in zip(mass[kappas[0]], mass[kappas[1]], strict=True)
            ]
            rows = np.arange(len(plain[0].samples))
            before, after = at_level(plain, rows, level), at_level(shown, rows, level)
            ratios = []
            for _ in range(resamples):
                drawn = rng.choice(rows, len(rows))
                ratios.append(at_level(shown, drawn, level) / at_level(plain, drawn, level))
            known = np.array(ratios)[np.isfinite(ratios)]
            saved = after / before - 1
            figures[f"{reference}, {kind}"] = {"saved": saved, "se": float(known.std())}
            lines.append(
                [
                    f"{reference}, {kind}, {level:.2f}",
                    f"{kappas[0]:g}, {kappas[1]:g}",
                    _told(before),
                    _told(after),
                    f"{saved:+.1%} ± {known.std():.1%}",
                    f"{1 - len(known) / resamples:.2f}",
                    *(_point(own[PRICES.index(0.0033)]) for own in (plain, shown)),
                ]
            )
    head = (
        "mode, probabilities, agreement | kappa of each half | optimal: samples | mass: samples | difference "
        "| resamples out of reach | balanced: samples / agreement | mass at its price"
    )
    print(table(head, lines))
    pairs = zip(modes_of("counts"), modes_of("best estimate"), strict=True)
    print(f"\nThe two modes differ for {np.mean([not (a & b).any() for a, b in pairs]):.3f}.")
    return figures


def _point(found: Course) -> str:
    return (
        f"{found.samples.mean():.1f} / {found.agreement.mean():.3f} ± {error(found.agreement):.3f}"
    )


def _or_more(samples: float) -> float:
    return samples if math.isfinite(samples) else math.inf


def _told(samples: float) -> str:
    return f"{samples:.1f}" if math.isfinite(samples) else "not reached"


def reasoning(quick: bool) -> Figures:
    """Learn kappa from replies of the tiny models, whose answers stand behind their steps."""
    asked, replies = (24, 12) if quick else (120, 32)
    lines = []
    for name in ("sum", "hasty"):
        model, rows = load(name), []
        for place, question in enumerate(questions(asked, seed=7)):
            drawn = model.complete(question.question, Options(seed=place, n=replies)).choices
            rows.append(
                Question(
                    f"q{place}",
                    {name: Samples((None,) * len(drawn), replies=tuple(map(_reply, drawn)))},
                    gold=question.answer,
                )
            )
        fit = fit_kappa(canonical(EvaluationSet(tuple(rows)), "auto"), trials=5)
        lines.append(
            [name, f"{fit.kappa:g}", f"{fit.gain:+.2f} ± {fit.se:.2f}", str(fit.confirmed)]
        )
    print(table("tiny model | kappa | gain in samples, held out | confirmed", lines))
    return {}


def _reply(choice: Choice) -> Reply:
    return Reply(
        choice.text,
        finish_reason=choice.finish_reason,
        logprobs=choice.logprobs,
        logprob_kind="raw",
    )


PARTS: dict[str, Callable[[bool], Figures]] = {
    part.__name__: part for part in (certificate, elections, stopping, reasoning)
}


def main(arguments: Sequence[str] | None = None) -> Figures:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help="what to measure; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="rougher figures")
    options = parser.parse_args(arguments)
    figures: Figures = {}
    for name in options.parts or PARTS:
        print(f"\n## {name}\n")
        figures[name] = PARTS[name](options.quick)
    return figures


if __name__ == "__main__":
    main()
