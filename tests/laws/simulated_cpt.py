"""Tables of measurements from known truths."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sweeper.laws import Table, table_from_columns

Truth = Callable[[str, float, float, float], float]
"""(corpus, params, tokens, domain ratio) -> loss in nats."""
RATIOS = (0.0, 0.1, 0.33, 0.67, 1.0)
TOKENS = tuple(160e3 * k / 6 for k in range(1, 7))
SIZES = (0.5e6, 1.3e6)
BASE = {"general": {0.5e6: 4.6, 1.3e6: 4.3, 3e6: 4.05}, "code": {0.5e6: 5.4, 1.3e6: 5.1, 3e6: 4.9}}


def own_share(corpus: str, ratio: float) -> float:
    return ratio if corpus == "code" else 1.0 - ratio


def anchored_truth(corpus: str, params: float, tokens: float, ratio: float) -> float:
    """General loss rises, then falls; domain loss falls."""
    size = (params / 1.3e6) ** -0.1
    general = (0.005, 0.035, 0.012, 20e3, 30e3, 0.1)
    j, f, a, tau1, tau2, s = general if corpus == "general" else (0.0, 0.02, 0.16, 15e3, 25e3, 0.1)
    x = (own_share(corpus, ratio) + 1e-3) / 1.001
    h = (x**-s - 1) / s
    shift = j * tokens / (tokens + tau1) + f * size * h * tokens / (tokens + tau1 * h)
    gain = (1 - (1 + x**0.7 * tokens / tau2) ** -0.3) / 0.3
    return float(BASE[corpus][params] * np.exp(shift - a * size * gain))


def logarithmic_truth(corpus: str, params: float, tokens: float, ratio: float) -> float:
    """A shift with one time constant and learning without bound that does not depend on the share."""
    size = (params / 1.3e6) ** -0.1
    f, a, tau1, tau2, s = (0.035, 0.012, 20e3, 30e3, 0.1) if corpus == "general" else (0.02, 0.16, 15e3, 25e3, 0.1)
    x = (own_share(corpus, ratio) + 1e-3) / 1.001
    shift = f * size * (x**-s - 1) / s * tokens / (tokens + tau1)
    return float(BASE[corpus][params] * (1 + shift - a * size * np.log1p(tokens / tau2)))


def dcpt_truth(corpus: str, params: float, tokens: float, ratio: float) -> float:
    """L3: loss falls with tokens at every ratio."""
    r = own_share(corpus, ratio)
    e = {0.5e6: 2.6, 1.3e6: 2.4, 3e6: 2.25}[params]
    return e + 0.5 * r**0.4 * (tokens / 160e3) ** -0.35 + 0.5 / (r + 0.08) ** 0.25


def other_truth(corpus: str, params: float, tokens: float, ratio: float) -> float:
    """Neither form: an exponential shift in (1 - r), a saturating gain that grows with r."""
    r, base = own_share(corpus, ratio), BASE[corpus][params]
    shift = (0.10 if corpus == "general" else 0.03) * (1 - r) ** 1.7 * (1 - np.exp(-tokens / 50e3))
    gain = (0.03 if corpus == "general" else 0.28) * (r + 0.02) ** 0.35 * (1 - (1 + tokens / 30e3) ** -0.4)
    return base * (1 + shift - gain)


def simulate(
    truth: Truth,
    *,
    seed: int = 0,
    noise: float = 0.001,
    ratios: Sequence[float] = RATIOS,
    sizes: Sequence[float] = SIZES,
    tokens: Sequence[float] = TOKENS,
    replicates: int = 1,
    base: bool = True,
) -> dict[str, Any]:
    """Columns: every ratio at every size, the middle ratio of the largest size again `replicates` times.

    A run's deviation is one number for all its checkpoints and corpora plus a smaller one each.
    """
    rng = np.random.default_rng(seed)
    runs = [(n, r, 0) for n in sizes for r in ratios]
    runs += [(sizes[-1], ratios[len(ratios) // 2], 1 + i) for i in range(replicates)]
    rows: list[dict[str, Any]] = []
    for index, (n, r, s) in enumerate(runs):
        for corpus in BASE:
            common = rng.normal(0, noise)
            for d in tokens:
                loss = truth(corpus, n, d, r) * np.exp(common + rng.normal(0, noise / 3))
                rows.append(_row(f"t{index}", corpus, n, d, r, s, float(loss)))
    if base:
        rows += [_row(f"base{n}", corpus, n, 0, 0.0, 0, BASE[corpus][n]) for n in sizes for corpus in BASE]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(trial: str, corpus: str, n: float, d: float, r: float, seed: int, loss: float) -> dict[str, Any]:
    role = "domain" if corpus == "code" else "general"
    return {
        "trial": trial, "corpus": corpus, "corpus_role": role, "params": n, "tokens": d, "domain_ratio": r,
        "seed": seed, "method": "full", "learning_rate": 1e-3, "loss": loss,
    }  # fmt: skip


def simulated_table(truth: Truth, **options: Any) -> Table:
    return table_from_columns(simulate(truth, **options))
