"""The laws of one corpus, and the one that is used."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.candidate import Candidate, Parameter
from sweeper.laws.noise import Noise

_NEAR = 0.15
"""Ratios this far apart share much of their error."""
_FLOOR = 0.25
"""Weight of a far ratio's error."""


@dataclass(frozen=True)
class CorpusFit:
    """Fits of one corpus; fit statistics are those of the chosen law."""

    corpus: str
    law: str
    """Name of the chosen law."""
    candidates: dict[str, Candidate]
    rows: int
    runs: int
    ratios: tuple[float, ...]
    """Distinct domain ratios measured."""
    max_tokens: dict[float, float]
    """Largest measured tokens by size."""
    base_losses: dict[float, float]
    """By size; empty where they are not known."""
    noise_log: Noise
    interpolation_log: float | None
    """What interpolating between neighbouring ratios would have erred (log loss, interior ratios)."""
    unchanged_log: float | None
    """What "the loss stays at the base model's" would have erred, likewise."""
    notes: list[str]

    @property
    def chosen(self) -> Candidate:
        """The law that predicts."""
        return self.candidates[self.law]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Of the chosen law."""
        return self.chosen.parameters

    @property
    def noise(self) -> float:
        """Standard deviation of a single run's loss, nats."""
        return self.noise_log.sd * self.chosen.scale

    @property
    def huber(self) -> float:
        """Mean Huber loss of log-loss residuals."""
        return self.chosen.huber

    @property
    def r2(self) -> float:
        """Coefficient of determination."""
        return self.chosen.r2

    @property
    def rmse(self) -> float:
        """Nats."""
        return self.chosen.rmse

    @property
    def mae(self) -> float:
        """Nats."""
        return self.chosen.mae

    @property
    def held_out(self) -> dict[str, float | None]:
        """Nats: the chosen law's errors, and beside them what interpolating or expecting no change would have erred."""
        trivial = {"interpolation": self.interpolation_log, "unchanged": self.unchanged_log}
        scale = self.chosen.scale
        return {**self.chosen.held_out, **{k: None if v is None else v * scale for k, v in trivial.items()}}

    def model_error(self, ratios: Floats) -> Floats:
        """Standard deviation of log loss that the law itself adds at each domain ratio, from ratios left out.

        Errors at near ratios count most, errors at far ones a little. The noise of the runs left out is taken away,
        since it is part of those errors and is added again for a new run. The spread about the law is the least.
        """
        errors = self.chosen.held_out_log.by_ratio
        known = sorted(errors)[1:-1] if len(errors) >= 3 else []
        floor = self.chosen.rmse / self.chosen.scale
        if not known:
            return np.full(ratios.shape, 2.0 * max(floor, self.noise_log.sd))
        weight = _FLOOR + np.exp(-0.5 * ((ratios[..., None] - np.array(known)) / _NEAR) ** 2)
        square = np.array([errors[r] ** 2 for r in known])
        local = np.sum(weight * square, axis=-1) / np.sum(weight, axis=-1)
        return np.asarray(np.sqrt(np.maximum(local - self.noise_log.sd**2, floor**2)))

    def reach(self, params: Floats) -> Floats:
        """Largest measured tokens of each size; of all sizes for one that was not measured."""
        longest = max(self.max_tokens.values())
        return np.array([self.max_tokens.get(float(n), longest) for n in params])

    def extrapolation_error(self, excess: Floats) -> Floats:
        """Standard deviation of log loss added by tokens beyond those measured; `excess` = tokens / measured - 1.

        The last third, fitted on the rest, is an extrapolation by up to a half: its error is added at an excess of a
        half, and in proportion elsewhere.
        """
        error = self.chosen.held_out_log.last_third
        if error is None:
            error = 2.0 * max(self.noise_log.sd, self.chosen.rmse / self.chosen.scale)
        return 2.0 * np.maximum(excess, 0.0) * error
