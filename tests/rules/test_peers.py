"""The published packages themselves, where they are installed."""

import random
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from bestofinf.rules import AdaptiveConsistency, AheadBy, PValue
from bestofinf.rules.pairs import pair_table
from bestofinf.rules.tally import Tally


def streams(number=60, seed=0):
    rng = random.Random(seed)
    for _ in range(number):
        letters = rng.choice(["ab", "aaab", "aabc", "aaaaaab", "abcde"])
        yield [rng.choice(letters) for _ in range(rng.randint(1, 40))]


def tally_of(stream):
    tally = Tally()
    for answer in stream:
        tally.vote(answer)
    return tally


def test_adaptive_consistency_gives_the_values_of_its_package():
    criteria = pytest.importorskip("adaptive_consistency.stopping_criterias")
    beta, entropy, majority = (
        criteria.BetaStoppingCriteria(),
        criteria.EntropyStoppingCriteria(),
        criteria.MajorityStoppingCriteria(),
    )
    for stream in streams():
        tally = tally_of(stream)
        theirs = beta.should_stop(stream)
        ours = 1 - pair_table(1, 1).at(tally.c1, tally.c2)
        # Their integrals lose digits as counts grow.
        assert ours == pytest.approx(theirs["prob"], abs=1e-9 if len(stream) <= 12 else 1e-7)
        for rule, package in (
            (AdaptiveConsistency(), beta),
            (AdaptiveConsistency(0.75, "entropy"), entropy),
            (AdaptiveConsistency(0.8, "majority"), majority),
        ):
            assert (rule.check(tally) is not None) == bool(package.should_stop(stream)["stop"])


def test_consol_gives_the_decisions_of_its_package():
    package = find_spec("consol")
    if package is None or package.origin is None:
        pytest.skip("could not import 'consol'")
    # The package imports clients of several providers; its models need none of them.
    path = Path(package.origin).parent / "confidence_models.py"
    spec = spec_from_file_location("consol_models", path)
    assert spec is not None
    models = module_from_spec(spec)
    spec.loader.exec_module(models)
    sprt, p_value = models.SprtConfidenceModel(), models.PValueConfidenceModel()
    for stream in streams():
        tally = tally_of(stream)
        counts = int(tally.c1), int(tally.c2)
        assert (AheadBy(3).check(tally) is not None) == sprt.test(*counts)
        assert (PValue().check(tally) is not None) == p_value.test(*counts)
