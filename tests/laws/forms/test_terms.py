"""The terms of laws by hand-computed numbers."""

import numpy as np
import pytest

from sweeper.laws import LawError
from sweeper.laws.forms.additive_share import AdditiveShare
from sweeper.laws.forms.blended_tokens import BlendedTokens
from sweeper.laws.forms.chinchilla import Chinchilla
from sweeper.laws.forms.critical_ratio import CriticalRatio, fit_critical_ratio
from sweeper.laws.forms.cross_domain import CrossDomain, CrossDomainStart
from sweeper.laws.forms.data_constrained import DataConstrained
from sweeper.laws.forms.dcpt import DCptRepeats
from sweeper.laws.forms.exponential_share import ExponentialShare
from sweeper.laws.forms.held import Held
from sweeper.laws.forms.law import Frame
from sweeper.laws.forms.powers import box_cox
from sweeper.laws.forms.repetition import effective_tokens
from sweeper.laws.forms.tuned_rate import TunedRate
from sweeper.laws.tables.points import Points
from tests.laws.forms.law_points import with_values

ONE = {"sizes": (1e6,), "tokens": 1e5, "loss": 5.0, "decayed": False, "near_zero": False, "ratios": 5}
LEVEL = {"E[1e+06]": 2.0}


def at(tokens=1e5, share=0.5, size=1e6, **known):
    row = {
        "params": size,
        "tokens": tokens,
        "share": share,
        "lr_area": tokens,
        "annealed": 0.0,
        "base_loss": 4.0,
        **known,
    }
    return Points(**{name: np.array([value]) for name, value in row.items()})


def test_fresh_text_is_worth_its_tokens_and_repeated_text_less():
    tokens, unique = np.array([100.0, 200.0, 1e6]), np.array([100.0, 100.0, 100.0])
    worth = effective_tokens(tokens, unique, np.array([[2.0]]))
    # once more at R* = 2: 100 + 200 (1 - e^-1/2); without end: 100 (1 + R*)
    assert worth.tokens[0] == pytest.approx([100.0, 100 + 200 * (1 - np.exp(-0.5)), 300.0])
    assert worth.by_tokens[0] == pytest.approx([1.0, np.exp(-0.5), 0.0])
    assert worth.by_r_star[0, 2] == pytest.approx(100.0)


def test_more_distinct_tokens_than_tokens_are_all_fresh():
    assert effective_tokens(np.array([100.0]), np.array([500.0]), np.array([[2.0]])).tokens[0, 0] == pytest.approx(100)


def test_dcpt_takes_repeated_tokens_for_what_they_are_worth():
    law = DCptRepeats(Frame(**ONE))
    params = with_values(
        law, B=0.4, C=0.0, beta=0.5, eta=1.0, gamma=1.0, ln_epsilon=-2.0, ln_R_star=np.log(3.0), **LEVEL
    )
    worth = 0.25 + 0.25 * 3 * (1 - np.exp(-1))
    repeated = law.predict(params, at(unique_tokens=2.5e4))[0, 0]
    assert repeated == pytest.approx(2 + 0.4 * 0.5 / np.sqrt(worth))
    assert law.predict(params, at())[0, 0] == pytest.approx(2 + 0.4 * 0.5)


def test_rivals_of_dcpt_at_a_hand_computed_point():
    frame = Frame(**ONE)
    here = at(tokens=2.5e4)  # D over the largest is 1/4
    additive = AdditiveShare(frame)
    params = with_values(additive, B=0.4, C=0.3, beta=0.5, gamma=1.0, ln_epsilon=np.log(0.1), **LEVEL)
    assert additive.predict(params, here)[0, 0] == pytest.approx(2 + 0.4 * 2 + 0.3 / 0.6)
    exponential = ExponentialShare(frame)
    params = with_values(exponential, B=0.4, C=0.3, beta=0.5, ln_b=np.log(0.25), ln_c=np.log(9.0), **LEVEL)
    assert exponential.predict(params, here)[0, 0] == pytest.approx(2 + 0.4 * 0.5 * 2 + 0.3 / 3)
    blended = BlendedTokens(frame)
    params = with_values(blended, B=0.4, beta=0.5, ln_sigma=np.log(0.28), **LEVEL)
    assert blended.predict(params, here)[0, 0] == pytest.approx(2 + 0.4 / np.sqrt(0.64 * 0.25))


def test_optimal_size_of_the_data_constrained_law_balances_both_terms():
    law = DataConstrained(Frame(**{**ONE, "sizes": (1e6, 2e6, 8e6)}))
    values = {"E": 1.8, "A": 0.2, "B": 0.3, "alpha": 0.5, "beta": 0.5, "ln_R_D": np.log(15.0), "ln_R_N": np.log(2.0)}
    # alpha A/n^alpha = beta B/d^beta: n = (2/3)^2 at d = 1, so 8e6 parameters are 1/n - 1 = 1.25 times too many
    n = (2 / 3) ** 2
    spent = n + n * 2 * (1 - np.exp(-1.25 / 2))
    assert law.predict(with_values(law, **values), at(size=8e6))[0, 0] == pytest.approx(
        1.8 + 0.2 / np.sqrt(spent) + 0.3
    )


def test_learnability_of_a_domain_in_the_middle_is_one_and_an_easy_one_has_a_lower_loss():
    frame = Frame(**ONE, base_loss=4.0, decline=1e-5)
    values = {
        "B": 0.0,
        "C": 0.0,
        "beta": 0.5,
        "eta": 1.0,
        "gamma": 1.0,
        "ln_epsilon": -2.0,
        "F": 0.3,
        "mu": 2.0,
        **LEVEL,
    }
    both, start = CrossDomain(frame), CrossDomainStart(frame)
    params = with_values(both, **values, w=0.25)
    assert both.predict(params, at(decline=1e-5))[0, 0] == pytest.approx(2.3)
    # K = 1/4 * 4/2 + 3/4 * 2 = 2
    assert both.predict(params, at(base_loss=2.0, decline=2e-5))[0, 0] == pytest.approx(2 + 0.3 / 4)
    assert start.predict(with_values(start, **values), at(base_loss=2.0))[0, 0] == pytest.approx(2 + 0.3 / 4)


def rate_law():
    law = TunedRate(Frame(**ONE, methods=("full", "lora"), ranks=2, rank=16.0, rates=(1e-4, 1e-2), token_counts=4))
    return law, {
        "B": 0.4, "C": 0.0, "beta": 0.5, "eta": 1.0, "gamma": 1.0, "ln_epsilon": -2.0, **LEVEL, "c_N": 0.0, "c_D": -0.5,
        "c_rank": 0.5, "c_share": 0.0, "c[full]": np.log(1e-3), "k[full]": 0.1, "c[lora]": np.log(4e-3), "k[lora]": 0.2,
        "ln_kappa": np.log(2.0),
    }  # fmt: skip


def test_the_loss_is_least_at_the_best_rate_and_quadratic_in_its_logarithm():
    law, values = rate_law()
    params = with_values(law, **values)
    full = [law.predict(params, at(learning_rate=1e-3 * f, method="full"))[0, 0] for f in (0.5, 1.0, 2.0)]
    assert full[1] == pytest.approx(2.2)
    assert full[0] == pytest.approx(full[2]) == pytest.approx(2.2 * np.exp(0.05 * np.log(2) ** 2))


def test_the_best_rate_moves_with_tokens_and_rank():
    law, values = rate_law()
    params = with_values(law, **values)
    assert law.best_rate(params, at(tokens=2.5e4, method="full"))[0, 0] == pytest.approx(2e-3)
    assert law.best_rate(params, at(lora_r=4.0, method="lora"))[0, 0] == pytest.approx(2e-3)


def test_a_small_adapter_learns_as_if_from_fewer_tokens():
    law, values = rate_law()
    params = with_values(law, **{**values, "c_rank": 0.0})
    large = law.predict(params, at(lora_r=16.0, learning_rate=4e-3, method="lora"))[0, 0]
    small = law.predict(params, at(lora_r=4.0, learning_rate=4e-3, method="lora"))[0, 0]
    assert large == pytest.approx(2 + 0.2 / np.sqrt(1 / (1 + 1 / 2)))
    assert small == pytest.approx(2 + 0.2 / np.sqrt(1 / (1 + 4 / 2)))


def test_a_method_that_was_not_measured_is_refused():
    law, values = rate_law()
    with pytest.raises(LawError, match="'qlora' was not measured; the law knows full, lora"):
        law.predict(with_values(law, **values), at(learning_rate=1e-3, method="qlora"))


def test_what_a_table_of_rates_cannot_say_is_held():
    law = TunedRate(Frame(**{**ONE, "ratios": 1}, methods=("full",), rates=(1e-4, 1e-2), token_counts=1))
    space = law.space()
    held = dict(zip(law.names, space.lower == space.upper, strict=True))
    assert all(held[name] for name in ("c_N", "c_D", "c_rank", "c_share", "C", "eta", "ln_kappa"))
    assert not any(held[name] for name in ("c[full]", "k[full]", "B"))


def test_a_power_passes_smoothly_through_the_logarithm():
    log_x = np.log(np.array([0.1, 0.5, 2.0]))
    zero, by_zero = box_cox(log_x, np.array([[0.0]]))
    near, by_near = box_cox(log_x, np.array([[2e-4]]))
    assert zero[0] == pytest.approx(log_x)
    series = box_cox(log_x, np.array([[5e-5]]))[0]
    assert series == pytest.approx(np.expm1(5e-5 * log_x[None]) / 5e-5, rel=1e-8)
    assert near == pytest.approx(zero, rel=1e-3) and by_near == pytest.approx(by_zero, rel=1e-3)


def test_published_amplitudes_need_three_sizes():
    with pytest.raises(LawError, match=r"1 size\(s\) were measured"):
        Chinchilla(Frame(**ONE)).published(np.ones(3))


def test_held_parameters_stay_and_unknown_ones_are_refused():
    law = Chinchilla(Frame(**ONE))
    held = Held(law, {"beta": 0.3})
    space = held.space()
    assert space.lower[1] == space.upper[1] == 0.3 == held.starts(np.random.default_rng(0), 3)[2, 1]
    assert (held.names, held.formula, held.source, held.frame) == (law.names, law.formula, law.source, law.frame)
    assert law.linear == ("B", "E[1e+06]") and Held(law, {"B": 0.3}).linear == ("E[1e+06]",)
    with pytest.raises(LawError, match="gamma: chinchilla has no such parameter; it has B, beta"):
        Held(law, {"gamma": 0.3})


def test_critical_ratio_stays_a_share_and_needs_tokens():
    law = CriticalRatio(0.7520627, 0.13720245, -1.06581937)
    assert float(law.at(100 * 0.2e9)) == pytest.approx(0.349, abs=5e-4)
    assert law.at([1e6, 1e15]).tolist() == [0.0, 1.0]
    with pytest.raises(LawError, match="-1 is not above 0"):
        law.at(-1.0)
    with pytest.raises(LawError, match="2 different numbers"):
        fit_critical_ratio(np.array([1e9, 2e9, 2e9]), np.array([0.1, 0.2, 0.2]))
