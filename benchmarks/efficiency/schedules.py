"""A problem over learning-rate schedules, whose runs mislead until their decay: made from a fitted law alone."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.problem import Axis, Setting, TableProblem

STEPS, WARM_UP, STRIDE = 24_000, 2_160, 20
FLOOR, LEARNING, POWER = 2.7878, 0.59224, 0.45335
GAIN, QUICKNESS, GAIN_POWER, COLD = 830.75, 1.2341e-4, 0.1332, 1.7872
"""The multi-power law (Luo et al. 2025, arXiv:2503.12811): L = FLOOR + LEARNING S^-POWER - GAIN sum over decreases of
(decrease) (1 - (1 + QUICKNESS rate^-COLD S_since)^-GAIN_POWER), S the sum of learning rates. Our fit to the released
curves of 100M parameters and up to 24,000 steps (peak 3e-4): mean deviations 0.001 to 0.004 nats a curve, up to 0.011
at the ends of runs."""
SHARES = (1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1.0)
PEAKS = (5e-5, 1e-4, 1.5e-4, 2e-4, 2.5e-4, 3e-4)
ENDS = (0.1, 0.2, 0.4)
DECAYS = (0.1, 0.2, 0.4)


def schedules() -> TableProblem:
    """Peak rate by kind of schedule, with the end's share of the peak where it decays, the decay's length for wsd.

    Fitted surface. Rates below the released curves' peak are the law's word. In mid-run the highest rates look worse
    than they end, as the decay is still to come.
    """
    settings = tuple(_settings())
    axes = (
        Axis("learning_rate", PEAKS, "log"),
        Axis("schedule", ("constant", "cosine", "linear", "wsd"), "category"),
        Axis("min_ratio", ENDS, "log"),
        Axis("decay_ratio", DECAYS, "log"),
    )
    return TableProblem(
        name="schedules",
        axes=axes,
        settings=settings,
        checkpoints=tuple(round(share * STEPS) for share in SHARES),
        corpora=("train",),
        target="train",
        losses=np.array([_losses(_rates(setting)) for setting in settings])[:, :, None],
        noise=0.003,
        unit="steps",
    )


def _settings() -> list[Setting]:
    found: list[Setting] = []
    for peak in PEAKS:
        found.append({"learning_rate": peak, "schedule": "constant"})
        for end in ENDS:
            found += [{"learning_rate": peak, "schedule": s, "min_ratio": end} for s in ("cosine", "linear")]
            found += [
                {"learning_rate": peak, "schedule": "wsd", "min_ratio": end, "decay_ratio": decay} for decay in DECAYS
            ]
    return found


def _rates(setting: Setting) -> NDArray[np.float64]:
    """Learning rate at every `STRIDE`th step."""
    step = np.arange(0, STEPS + 1, STRIDE)
    done = np.clip((step - WARM_UP) / (STEPS - WARM_UP), 0.0, 1.0)
    end, kind = float(setting.get("min_ratio", 1.0)), setting["schedule"]
    if kind == "cosine":
        shape = (1 + np.cos(np.pi * done)) / 2
    elif kind == "linear":
        shape = 1 - done
    else:
        decay = float(setting.get("decay_ratio", 1.0)) * STEPS
        shape = np.clip((STEPS - step) / decay, 0.0, 1.0) if kind == "wsd" else np.ones(len(step))
    warm = np.minimum(step / WARM_UP, 1.0)
    return np.asarray(float(setting["learning_rate"]) * warm * (end + (1 - end) * shape))


def _losses(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """The law at the checkpoints."""
    total = np.cumsum(rates) * STRIDE
    at = np.array([round(share * STEPS) // STRIDE for share in SHARES])
    falls = np.flatnonzero((np.diff(rates) < 0) & (np.arange(1, len(rates)) * STRIDE > WARM_UP)) + 1
    since = np.maximum(total[at][:, None] - total[falls - 1][None], 0.0)
    gained = 1 - (1 + QUICKNESS * rates[falls] ** -COLD * since) ** -GAIN_POWER
    decrease = (rates[falls - 1] - rates[falls]) * gained * (at[:, None] >= falls[None])
    return np.asarray(FLOOR + LEARNING * total[at] ** -POWER - GAIN * decrease.sum(axis=1))
