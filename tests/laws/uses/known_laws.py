"""Laws that are known exactly, with draws of a known spread, in place of fitted ones."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from sweeper.laws import LawError
from sweeper.laws.fits.prediction import Prediction

Known = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(params, tokens, domain ratio) -> loss."""
DRAWS = 400


@dataclass
class KnownLaws:
    """What the uses ask of a `LawSet`. A draw raises all losses of a corpus by one factor, the same everywhere."""

    losses: dict[str, Known]
    base_losses: dict[str, float] = field(default_factory=dict)
    sizes: tuple[float, ...] = (1e6,)
    tokens: float = 1e5
    spread: float = 0.0
    noise: float = 0.0
    target: str = "code"
    ratio_range: tuple[float, float] = (0.0, 1.0)
    worth: float = 0.0
    """What a repeated token is worth, over a fresh one; 1 takes it for fresh."""

    def __post_init__(self):
        self.corpora = {name: self._fit(name) for name in self.losses}

    def corpus(self, name):
        if name not in self.corpora:
            raise LawError(f"corpus: no law was fitted for {name!r}")
        return self.corpora[name]

    def base_loss(self, corpus, params):
        if corpus not in self.base_losses:
            raise LawError(f"base_loss: {corpus} was not measured")
        return self.base_losses[corpus] * (params / 1e6) ** -0.1

    def predict(self, corpus, *, tokens, params, domain_ratio, level=0.9, noise=False, unique_tokens=None):
        fresh = np.asarray(tokens) if unique_tokens is None else unique_tokens
        worth = fresh + self.worth * (np.asarray(tokens) - fresh)
        loss = self.losses[corpus](np.asarray(params), worth, np.asarray(domain_ratio))
        rng = np.random.default_rng(len(corpus))
        logs = rng.standard_normal((DRAWS, 1)) * self.spread
        logs = logs + rng.standard_normal((DRAWS, 1)) * self.noise * noise
        samples = loss * np.exp(logs)
        low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
        far = float(np.max(tokens)) / self.tokens
        return Prediction(loss, low, high, samples, far, (f"{far:g} times",))

    def _fit(self, name):
        return SimpleNamespace(
            law="known", ratios=(0.0, 0.5, 1.0), rows=30, max_tokens=dict.fromkeys(self.sizes, self.tokens),
            base_losses={1e6: self.base_losses[name]} if name in self.base_losses else {},
            held_out_at=lambda ratio: None, better_baselines=dict, noise_log=SimpleNamespace(sd=0.0),
            chosen=SimpleNamespace(held_out_log=SimpleNamespace(interior=lambda: None)),
            reach=lambda params: np.full(len(params), self.tokens),
        )  # fmt: skip
