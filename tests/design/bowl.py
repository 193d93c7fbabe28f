"""A made-up space with a best learning rate and a share that a limit holds down."""

import math

from sweeper.design.axes import Setting, axis_of
from sweeper.design.chooser import Choice, Chooser
from sweeper.design.saving import Goal

CHECKPOINTS = (10_000, 20_000, 40_000, 80_000)
RATES = tuple(1e-4 * 10 ** (k / 3) for k in range(7))
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
SETTINGS: tuple[Setting, ...] = tuple({"rate": rate, "share": share} for rate in RATES for share in SHARES)
AXES = (axis_of("rate", RATES), axis_of("share", SHARES))
GOAL = Goal("domain", "general", limit=3.1, penalty=5.0)


def losses(setting: Setting, tokens: int) -> dict[str, float]:
    """The best rate is 1e-3; more domain text helps the domain and costs the general text."""
    off = math.log10(float(setting["rate"]) / 1e-3)
    share, trained = float(setting["share"]), (tokens / CHECKPOINTS[-1]) ** 0.5
    domain = 3.5 - share**0.3 * math.exp(-2 * off**2) * trained
    return {"domain": domain, "general": 3.0 + 0.2 * share * trained * 10 ** (0.5 * off)}


def objective(setting: Setting) -> float:
    """What a search is to make small."""
    found = losses(setting, CHECKPOINTS[-1])
    return found["domain"] + 5 * max(0.0, found["general"] - 3.1)


def chooser(seed: int = 0) -> Chooser:
    """With nothing known."""
    return Chooser(AXES, SETTINGS, CHECKPOINTS, GOAL, seed=seed)


def carry_out(chosen: Choice, by: Chooser) -> None:
    """Train and measure."""
    run = by.start(chosen.setting) if chosen.run is None else chosen.run
    by.observe(run, chosen.tokens, losses(by.settings[chosen.setting], chosen.tokens))
