"""The least value that the fits of chances find, against bounds and beside SciPy's."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from bestofinf.calibration.newton import least


def logistic(x, right, pull):
    """Return the loss of a logistic regression that is drawn to zero."""

    def loss(p):
        z = x @ p
        chance = expit(z)
        value = float((np.logaddexp(0, z) - right * z).sum()) + float(pull * p @ p) / 2
        return (
            value,
            x.T @ (chance - right) + pull * p,
            (x.T * (chance * (1 - chance))) @ x + pull * np.eye(len(p)),
        )

    return loss


@pytest.mark.parametrize("seed", range(20))
def test_no_parameters_within_the_bounds_have_a_lower_value(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3)) * rng.choice([0.1, 1.0, 30.0], size=3)
    loss = logistic(x, (rng.random(40) < 0.7).astype(float), 10.0 ** rng.integers(-6, 1))
    floor = np.array([0.0, -np.inf, 0.0])
    found = least(loss, np.ones(3), floor)
    bounds = [(None if np.isinf(low) else low, None) for low in floor]
    other = minimize(
        lambda p: loss(p)[:2], np.ones(3), jac=True, bounds=bounds, options={"maxiter": 10_000}
    )
    assert (found >= floor).all()
    assert loss(found)[0] <= other.fun + 1e-9 * (1 + abs(other.fun))


def test_a_bound_holds_the_parameter_that_wants_to_cross_it():
    target = np.array([-2.0, 3.0])
    bend = np.array([[2.0, 1.0], [1.0, 2.0]])

    def loss(p):
        away = p - target
        return float(away @ bend @ away) / 2, bend @ away, bend

    found = least(loss, np.ones(2), np.array([0.0, -np.inf]))
    # With the first at 0, the second answers for it: 3 - 1 * (0 + 2) / 2.
    assert found == pytest.approx([0.0, 2.0])
    assert least(loss, np.ones(2), np.full(2, -np.inf)) == pytest.approx(target)
