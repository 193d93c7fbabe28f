"""Problems whose losses are fitted surfaces: made from parameters alone, so that no table is needed.

What was fitted to what is said with each problem. The way from the base loss to the final loss is `approach`, a shape
that our own runs have; no published table holds whole curves for these grids.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.problem import Axis, TableProblem

SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0)
"""Where along a run a measurement is possible."""
Array = NDArray[np.float64]


def approach(share: Array, bend: Array | float = 0.05, power: float = 0.5) -> Array:
    """How much of a run's final change of loss is there after a share of its tokens: 0 at 0, 1 at 1.

    1 - (1 + share / bend)^-power over its value at 1. Our runs of 0.4M parameters on 98 k tokens have a bend near 0.1,
    longer runs a smaller one; a higher learning rate bends earlier.
    """
    return np.asarray((1 - (1 + share / bend) ** -power) / (1 - (1 + 1 / np.asarray(bend)) ** -power))


def product(axes: Sequence[Axis]) -> tuple[dict[str, float | str], ...]:
    """Every combination of the axes' values."""
    return tuple(
        dict(zip([a.name for a in axes], values, strict=True))
        for values in itertools.product(*(a.values for a in axes))
    )


def along(base: float, final: Array, bend: Array) -> Array:
    """(settings, checkpoints): from one base loss to each setting's final loss."""
    return np.asarray(base + (final[:, None] - base) * approach(np.array(SHARES)[None], bend[:, None]))


def _two_corpora(
    name: str,
    axes: tuple[Axis, Axis],
    final: Callable[[Array, Array], tuple[Array, Array]],
    base: tuple[float, float],
    limit: float,
    tokens: int,
) -> TableProblem:
    """A share of the domain by a peak learning rate in units of the pre-training's, with the general loss limited."""
    settings = product(axes)
    share, rate = np.array([[float(v) for v in setting.values()] for setting in settings]).T
    bend = np.clip(0.05 * rate**-0.5, 0.01, 0.5)
    domain, general = (along(b, f, bend) for b, f in zip(base, final(share, rate), strict=True))
    return TableProblem(
        name=name,
        axes=axes,
        settings=settings,
        checkpoints=tuple(round(share * tokens) for share in SHARES),
        corpora=("domain", "general"),
        target="domain",
        losses=np.stack([domain, general], axis=-1),
        noise=0.003,
        limited="general",
        limit=limit,
        base_losses={"domain": base[0], "general": base[1]},
    )


RATE_CURVATURE, BEST_RATE, FORGETTING_POWER = 0.0124, 1.74, 0.112
"""Ibrahim et al. 2024 (arXiv:2403.08763), peak rates of 0.1 to 2 times the pre-training's, Pile to German: the new
loss is quadratic in the log of the rate (largest deviation 0.003 nats), the old loss' rise a power of the rate."""


def _rate_cost(rate: Array) -> Array:
    return np.asarray(RATE_CURVATURE * np.log(rate / BEST_RATE) ** 2)


def dcpt_chemistry() -> TableProblem:
    """The D-CPT law's own task with a learning rate: domain share by peak rate, general loss at most 3 % above base.

    Fitted surface. Final losses over the share: D-CPT's table 5 (Que et al. 2024, arXiv:2406.01375; Chemistry,
    Qwen1.5-1.8B, 10 B tokens; largest deviation 0.004 nats; its shares are 0.9 and above, those below are the fit's).
    Over the rate: Ibrahim et al. as above. The domain's base loss, which is not published, is set to 2.05.
    """

    def final(share: Array, rate: Array) -> tuple[Array, Array]:
        domain = 1.7215 - 0.0994 * np.log(share) + _rate_cost(rate)
        forgetting = 0.0523 / (1 - share + 0.0256) ** 0.747 * rate**FORGETTING_POWER
        return domain, 2.658 + forgetting

    shares = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
    rates = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
    axes = (Axis("domain_ratio", shares, "linear"), Axis("learning_rate", rates, "log"))
    return _two_corpora("dcpt_chemistry", axes, final, (2.05, 2.8602), 2.8602 * 1.03, 10**10)


def replay_german() -> TableProblem:
    """A strong shift (Pile to German): domain share by peak rate, the old loss at most 15 % above base.

    Fitted surface, to Ibrahim et al. 2024, tables 2 and 4 (405M parameters, 200 B tokens): old loss over replay from 0
    to 50 % (largest deviation 0.003 nats) times a power of the rate, new loss in the log of the share (0.005) and of
    the rate. The new text's base loss, which is not published, is set to 2.6.
    """

    def final(share: Array, rate: Array) -> tuple[Array, Array]:
        domain = 1.1139 - 0.1541 * np.log(share) + _rate_cost(rate)
        replayed = 0.5619 + 1.5888 / (1 - share + 2.863e-4) ** 0.07783
        return domain, 2.17 + (replayed - 2.17) * rate**FORGETTING_POWER

    shares = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
    rates = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
    axes = (Axis("domain_ratio", shares, "linear"), Axis("learning_rate", rates, "log"))
    return _two_corpora("replay_german", axes, final, (2.6, 2.17), 2.17 * 1.15, 2 * 10**11)
