"""The laws of one corpus, and the one that is used."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.fits.candidate import Candidate, Parameter
from sweeper.laws.fits.local import interior_of, local_square
from sweeper.laws.fits.noise import Noise


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

    def held_out_at(self, ratio: float) -> float | None:
        """Error of log loss on interior ratios left out, those near `ratio` counting most; None with none."""
        errors = interior_of(self.chosen.held_out_log.by_ratio)
        return float(np.sqrt(local_square(errors, np.array(ratio)))) if errors else None

    def model_error(self, ratios: Floats) -> Floats:
        """Standard deviation of log loss that the law itself adds at each domain ratio, from ratios left out.

        Errors at near ratios count. The noise of the runs left out is taken away, since it is part of those errors and
        is added again for a new run. The spread about the law near the ratio is the least.
        """
        errors = self.chosen.held_out_log
        floor = local_square(errors.fitted, ratios)
        known = interior_of(errors.by_ratio)
        if not known:
            return np.asarray(2.0 * np.sqrt(np.maximum(floor, self.noise_log.sd**2)))
        return np.asarray(np.sqrt(np.maximum(local_square(known, ratios) - self.noise_log.sd**2, floor)))

    def reach(self, params: Floats) -> Floats:
        """Largest measured tokens of each size; of all sizes for one that was not measured."""
        longest = max(self.max_tokens.values())
        return np.array([self.max_tokens.get(float(n), longest) for n in params])

    def extrapolation_error(self, ratios: Floats, excess: Floats) -> Floats:
        """Standard deviation of log loss added by tokens beyond those measured; `excess` = tokens / measured - 1.

        In proportion to the excess, as the last third of tokens near the ratio was missed by a fit to the rest.
        """
        rates = self.chosen.held_out_log.per_excess
        if not rates:
            spread = local_square(self.chosen.held_out_log.fitted, ratios)
            return np.asarray(4.0 * np.maximum(excess, 0.0) * np.sqrt(np.maximum(spread, self.noise_log.sd**2)))
        return np.asarray(np.maximum(excess, 0.0) * np.sqrt(local_square(rates, ratios)))
