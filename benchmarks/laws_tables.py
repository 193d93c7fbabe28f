"""Tables of losses from known truths."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sweeper.laws import Table, table_from_columns
from sweeper.laws.arrays import Floats

RATIOS = (0.0, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0)
SIZES = (0.5e9, 1.8e9, 4e9)
LONGEST = 26e9
"""The published grid of the D-CPT law: 9 ratios, 3 sizes, 20 checkpoints up to 26 B tokens."""
NOISE = 0.002
"""Standard deviation of a measured loss, nats."""
DCPT = {"B": 0.08, "C": 0.4, "beta": 0.3, "eta": 0.7, "gamma": 0.4, "epsilon": 0.06, "E": 1.6, "A": 0.25, "alpha": 0.35}
"""Parameters of the domain's law; N over the largest, D over the longest. It falls with the share, as it should."""
Truth = Callable[[str, Floats, Floats, Floats], Floats]
"""(corpus, params, tokens, own share) -> loss."""


def dcpt_truth(corpus: str, params: Floats, tokens: Floats, share: Floats) -> Floats:
    """The D-CPT law; general text learns less and forgets more."""
    p, general = DCPT, corpus == "general"
    learning = (0.5 if general else 1.0) * p["B"] * share ** p["eta"] * (tokens / LONGEST) ** -p["beta"]
    forgetting = (1.5 if general else 1.0) * p["C"] / (share + p["epsilon"]) ** p["gamma"]
    return np.asarray(p["E"] + p["A"] * (params / max(SIZES)) ** -p["alpha"] + learning + forgetting)


def two_timescales(corpus: str, params: Floats, tokens: Floats, share: Floats) -> Floats:
    """A quick shift away and slow learning: general loss rises, then falls. Neither law here has this form."""
    general = corpus == "general"
    shift, gain = (0.09, 0.05) if general else (0.02, 0.25)
    away = shift * (1.0 - share) ** 1.5 * -np.expm1(-tokens / 1.5e9)
    learnt = gain * (share + 0.03) ** 0.4 * (1.0 - (1.0 + tokens / 6e9) ** -0.5)
    return np.asarray((2.6 if general else 2.4) * (params / max(SIZES)) ** -0.06 * np.exp(away - learnt))


def simulated(
    truth: Truth,
    seed: int,
    *,
    corpora: Sequence[str] = ("general", "domain"),
    sizes: Sequence[float] = SIZES,
    ratios: Sequence[float] = RATIOS,
    checkpoints: int = 20,
    base: bool = False,
) -> Table:
    """One run a size and ratio, measured at evenly spaced checkpoints, each loss with its own noise.

    Args:
        truth: The losses without noise.
        seed: Of the noise.
        corpora: Whose losses.
        sizes: Model sizes.
        ratios: Shares of the domain.
        checkpoints: How many a run.
        base: Whether the losses before training are in the table.
    """
    rng = np.random.default_rng(seed)
    tokens = LONGEST * np.arange(1, checkpoints + 1) / checkpoints
    grid = [(c, n, r, d) for c in corpora for n in sizes for r in ratios for d in tokens]
    if base:
        grid += [(c, n, 0.0, 0.0) for c in corpora for n in sizes]
    corpus, n, r, d = (np.array(column) for column in zip(*grid, strict=True))
    own = np.where(corpus == "domain", r, 1.0 - r)
    loss = np.empty(len(grid))
    for name in corpora:
        rows = corpus == name
        loss[rows] = truth(name, n[rows], d[rows], own[rows])
    loss += np.where(d > 0, rng.normal(0.0, NOISE, len(grid)), 0.0)
    columns: dict[str, Any] = {
        "corpus": corpus, "params": n, "tokens": d, "domain_ratio": r, "loss": loss,
        "trial": [f"{a:g}-{b:g}" if c > 0 else f"base-{a:g}" for a, b, c in zip(n, r, d, strict=True)],
    }  # fmt: skip
    return table_from_columns(columns, target="domain")
