"""From recipes to files: train, round, calibrate, record."""

from __future__ import annotations

import gzip
import json
import logging
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from bestofinf.evaluation.sets import EvaluationSet, Question, Samples
from bestofinf.tiny import Options, Problem, TinyModel, Verifier, answer_of, questions
from bestofinf.tiny.alphabet import CHARACTERS, CONTEXT
from bestofinf.tiny.files import CALIBRATION_FILE, MEMBERS, RECORDED_FILE, VERIFIER, pack
from bestofinf.tiny.model import Choice
from bestofinf.tiny.network import WEIGHT_GRID, to_bytes
from bestofinf.tiny.network import Network as NumpyNetwork
from bestofinf.tiny.questions import stream
from bestofinf.tiny.verifier import evidence
from training.learning import judging_loss, train, writing_loss
from training.network import Network
from training.recipes import RECIPES, Recipe

log = logging.getLogger("training")

CALIBRATION_QUESTIONS, CALIBRATION_SAMPLES = 250, 8
RECORDED_QUESTIONS, RECORDED_SAMPLES = 400, 64
RECORDED_SEED = 0
LOGIT_TOLERANCE = 1e-4


def make(folder: Path, work: Path) -> None:
    """Write all weights and the recorded set into `folder`; trained networks stay in `work`."""
    folder.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES:
        if not (work / f"{recipe.name}.pt").exists():
            _train(recipe, work)
    networks = {recipe.name: _whole(_load(recipe, work)) for recipe in RECIPES if recipe.shipped}
    for recipe in RECIPES:
        if recipe.shipped:
            _check_logits(recipe, networks[recipe.name])
    for name, arrays in networks.items():
        (folder / f"{name}.npz").write_bytes(to_bytes(arrays))
    models = [TinyModel(name, NumpyNetwork.from_arrays(networks[name])) for name in MEMBERS]
    verifier = _calibrated(NumpyNetwork.from_arrays(networks[VERIFIER]), models)
    (folder / CALIBRATION_FILE).write_text(json.dumps(verifier.calibration) + "\n")
    recorded = record(models, verifier, questions(RECORDED_QUESTIONS), RECORDED_SAMPLES)
    # No time stamp, so that the same content is the same file.
    (folder / RECORDED_FILE).write_bytes(gzip.compress(pack(recorded), 9, mtime=0))


def record(
    models: list[TinyModel], verifier: Verifier, problems: tuple[Problem, ...], n: int
) -> EvaluationSet:
    """Sample `n` replies a member to each question, and score them."""
    by_member = {}
    for model in models:
        choices = ask_all(model, problems, n)
        by_member[model.name] = score_all(verifier, problems, choices)
        log.info("recorded %s", model.name)
    return EvaluationSet(
        tuple(
            Question(
                id=f"tiny/{place}",
                samples={name: rows[place] for name, rows in by_member.items()},
                gold=problem.answer,
                dataset=problem.family,
                prompt=problem.question,
            )
            for place, problem in enumerate(problems)
        ),
        name="tiny",
    )


def ask_all(model: TinyModel, problems: tuple[Problem, ...], n: int) -> list[tuple[Choice, ...]]:
    """Return `n` replies to each question."""
    options = Options(n=n, seed=RECORDED_SEED)
    completions = model.complete_all([problem.question for problem in problems], options)
    return [completion.choices for completion in completions]


def score_all(
    verifier: Verifier, problems: tuple[Problem, ...], choices: list[tuple[Choice, ...]]
) -> list[Samples]:
    """Return the samples of each question with scores in thousandths."""
    pairs = [(p.question, c.text) for p, row in zip(problems, choices, strict=True) for c in row]
    different = list(dict.fromkeys(pairs))
    known = dict(zip(different, verifier.scores(different), strict=True))
    return [
        Samples(
            tuple(answer_of(choice.text) for choice in row),
            tuple(choice.generated for choice in row),
            tuple(round(known[problem.question, choice.text], 3) for choice in row),
        )
        for problem, row in zip(problems, choices, strict=True)
    ]


def _train(recipe: Recipe, work: Path) -> None:
    log.info("training %s", recipe.name)
    started = time.process_time()
    torch.manual_seed(recipe.seed)
    network = _load(_recipe(recipe.start), work) if recipe.start else Network(recipe.shape)
    train(
        network,
        stream(recipe.seed, part="training", mixture=recipe.mixture, careful=recipe.careful),
        writing_loss if recipe.task == "write" else judging_loss,
        steps=recipe.steps,
        seed=recipe.seed,
        matrix_rate=recipe.rate,
    )
    torch.save(network.state_dict(), work / f"{recipe.name}.pt")
    log.info("trained %s in %.0f CPU-seconds", recipe.name, time.process_time() - started)


def _recipe(name: str) -> Recipe:
    return next(recipe for recipe in RECIPES if recipe.name == name)


def _load(recipe: Recipe, work: Path) -> Network:
    network = Network(recipe.shape)
    network.load_state_dict(torch.load(work / f"{recipe.name}.pt"))
    return network


def _whole(network: Network) -> dict[str, npt.NDArray[np.int16]]:
    """Return the weights as whole multiples of the grid that inference uses."""
    return {
        name: np.rint(values.numpy() / WEIGHT_GRID).astype(np.int16)
        for name, values in network.state_dict().items()
    }


def _check_logits(recipe: Recipe, arrays: dict[str, npt.NDArray[np.int16]]) -> None:
    """Raise if numpy does not compute what torch computes from the same weights."""
    network = Network(recipe.shape).double()
    weights = {name: torch.from_numpy(a.astype(float) * WEIGHT_GRID) for name, a in arrays.items()}
    network.load_state_dict(weights)
    tokens = np.random.default_rng(0).integers(0, len(CHARACTERS), (8, CONTEXT))
    with torch.no_grad():
        wanted = network(torch.from_numpy(tokens)).numpy()
    plain = NumpyNetwork.from_arrays(arrays)
    got, _ = plain.read(plain.begin(*tokens.shape), tokens)
    difference = float(np.abs(got - wanted).max())
    log.info("%s: logits of torch and numpy differ by at most %.1e", recipe.name, difference)
    if difference > LOGIT_TOLERANCE:
        raise RuntimeError(f"{recipe.name}: logits differ by {difference}")


def _calibrated(network: NumpyNetwork, models: list[TinyModel]) -> Verifier:
    """Fit the calibration on questions that nothing was trained on."""
    problems = questions(CALIBRATION_QUESTIONS, part="calibration")
    pairs, right = [], []
    for model in models:
        choices = ask_all(model, problems, CALIBRATION_SAMPLES)
        for problem, row in zip(problems, choices, strict=True):
            pairs += [(problem.question, choice.text) for choice in row]
            right += [answer_of(choice.text) == problem.answer for choice in row]
    x, y = evidence(Verifier(network, (0, 0, 0)).surprise(pairs)), np.array(right, float)

    def loss(coefficients: npt.NDArray[np.float64]) -> float:
        odds = x @ coefficients
        return float(np.mean(np.logaddexp(0, odds) - y * odds))

    # Few digits, so that the file does not depend on the minimiser's last steps.
    first, second, constant = minimize(loss, np.zeros(3), method="BFGS").x.round(3).tolist()
    log.info("calibration: %s, %s, %s", first, second, constant)
    return Verifier(network, (first, second, constant))
