"""Laws fitted to losses that follow them, with a little noise."""

import numpy as np
import pytest

from sweeper.laws.engine.descent import Problem, fit_groups
from sweeper.laws.forms.chinchilla import Chinchilla
from sweeper.laws.forms.cmr_ratio import CmrRatio
from sweeper.laws.forms.cmr_tokens import CmrTokens
from sweeper.laws.forms.critical_ratio import fit_critical_ratio
from sweeper.laws.forms.data_constrained import DataConstrained
from sweeper.laws.forms.held import Held
from sweeper.laws.forms.law import frame_of
from sweeper.laws.forms.over_training import OverTraining
from sweeper.laws.forms.registry import LAWS, LAWS_APART, make_law
from sweeper.laws.tables.points import Points
from tests.laws.forms.law_points import random_frame, random_points, with_values

EPOCH = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
"""Of arXiv 2404.10102."""


def solved(law, points, loss, starts=16):
    problem = Problem(law, points, np.log(loss))
    drawn = law.starts(np.random.default_rng(0), starts)[None]
    return fit_groups(problem, np.ones((1, len(points))), drawn, iterations=400).params


def pretraining(count=245, seed=0, unique=None):
    """Runs as in the Chinchilla paper: 44 M to 16 B parameters, 0.2 to 400 B tokens."""
    rng = np.random.default_rng(seed)
    params = np.exp(rng.uniform(np.log(44e6), np.log(16e9), count))
    tokens = np.exp(rng.uniform(np.log(2e8), np.log(4e11), count))
    ones = np.ones(count)
    distinct = {} if unique is None else {"unique_tokens": tokens / rng.choice(unique, count)}
    return Points(params, tokens, ones, tokens, 0 * ones, np.nan * ones, **distinct)


@pytest.mark.parametrize("name", [*LAWS, *LAWS_APART])
def test_every_law_finds_its_own_losses_again(name):
    points = random_points(5, count=150)
    law = make_law(name, random_frame())
    truth = law.starts(np.random.default_rng(8), 1)
    loss = law.predict(truth, points)[0]
    found = solved(law, points, loss)
    assert np.sqrt(np.mean(np.log(law.predict(found, points)[0] / loss) ** 2)) < 5e-4


def test_the_chinchilla_refit_is_recovered_from_losses_that_follow_it():
    points = pretraining()
    frame = frame_of(points, np.full(245, 4.0))
    law = Chinchilla(frame)
    clean = law.predict(law.of_published(EPOCH), points)[0]
    assert clean[0] == pytest.approx(
        1.8172 + 482.01 / points.params[0] ** 0.3478 + 2085.43 / points.tokens[0] ** 0.3658
    )
    noisy = clean * np.exp(np.random.default_rng(1).normal(0, 1e-3, 245))
    found = law.published(solved(law, points, noisy)[0])
    assert found["E"] == pytest.approx(1.8172, abs=0.01)
    assert found["alpha"] == pytest.approx(0.3478, abs=0.01)
    assert found["beta"] == pytest.approx(0.3658, abs=0.01)
    assert found["A"] == pytest.approx(482, rel=0.2) and found["B"] == pytest.approx(2085, rel=0.2)


def test_repetition_constants_are_recovered_with_the_rest_held():
    points = pretraining(180, unique=[1.0, 4.0, 16.0, 64.0])
    law = DataConstrained(frame_of(points, np.full(180, 4.0)))
    held = law.of_published(EPOCH)
    truth = with_values(law, **held, ln_R_D=np.log(15.4), ln_R_N=np.log(5.3))
    loss = law.predict(truth, points)[0] * np.exp(np.random.default_rng(2).normal(0, 1e-3, 180))
    stars = np.exp(solved(Held(law, held), points, loss)[0, -2:])
    assert stars == pytest.approx([15.4, 5.3], rel=0.05)


def test_the_over_training_law_says_the_same_of_compute_and_multiplier():
    points = pretraining(60)
    law = OverTraining(frame_of(points, np.full(60, 4.0)))
    params = with_values(law, E=1.8, A=0.1, B=0.05, eta=0.14)
    said = law.published(params[0])
    compute, multiplier = 6 * points.params * points.tokens, points.tokens / points.params
    terms = said["a"] * multiplier ** said["eta"] + said["b"] * multiplier ** -said["eta"]
    assert law.predict(params, points)[0] == pytest.approx(said["E"] + terms * compute ** -said["eta"])
    found = solved(law, points, law.predict(params, points)[0])
    assert found[0] == pytest.approx(params[0], rel=0.01)


@pytest.mark.parametrize("s", [-0.5, 0.0, 0.18])
def test_the_ratio_exponent_is_found_with_either_sign(s):
    shares = np.linspace(0.05, 1.0, 12)
    ones = np.ones(12)
    points = Points(ones, ones, shares, ones, 0 * ones, np.nan * ones)
    law = CmrRatio(frame_of(points, np.full(12, 3.0)))
    truth = with_values(law, a=0.3, s=s, b=2.0)
    loss = law.predict(truth, points)[0]
    assert loss[0] == pytest.approx(2.0 - 0.3 * (np.log(0.05) if s == 0 else (0.05**s - 1) / s))
    assert solved(law, points, loss)[0] == pytest.approx(truth[0], abs=5e-3)
    if s:
        said = law.published(truth[0])
        assert said["a"] * 0.05**s + said["b"] == pytest.approx(loss[0])


def test_two_powers_follow_a_rise_and_fall():
    tokens = np.linspace(1e3, 1e5, 40)
    ones = np.ones(40)
    points = Points(ones, tokens, ones, tokens, 0 * ones, 4 * ones)
    loss = 4.0 + 0.4 * (tokens / 1e5) ** 0.3 - 0.35 * (tokens / 1e5) ** 0.7 - 0.02
    law = CmrTokens(frame_of(points, loss))
    assert loss[0] < loss.max() > loss[-1]
    assert law.predict(solved(law, points, loss), points)[0] == pytest.approx(loss, abs=2e-3)


def test_critical_ratios_of_both_signs_of_the_exponent_are_fitted():
    tokens = np.array([2e9, 5e9, 10e9, 20e9, 40e9])
    for s, a, b in ((0.27, 0.225, -0.48), (-0.42, -2.5, 0.84)):
        ratios = a * (tokens / 0.2e9) ** s + b
        assert fit_critical_ratio(tokens, ratios).at(3e10) == pytest.approx(a * 150**s + b, abs=1e-3)
