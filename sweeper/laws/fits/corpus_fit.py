"""The laws of one corpus, and how they are used together."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.fits.candidate import Candidate, Parameter
from sweeper.laws.fits.choice import Choice
from sweeper.laws.fits.local import interior_of, local_square
from sweeper.laws.fits.noise import Noise


@dataclass(frozen=True)
class CorpusFit:
    """Fits of one corpus; fit statistics are those of the law with the largest weight."""

    corpus: str
    choice: Choice
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
    baselines_log: Mapping[str, float | None]
    """What each baseline would have erred on interior ratios left out (log loss)."""
    notes: list[str]

    @property
    def law(self) -> str:
        """Name of the law with the largest weight."""
        return self.choice.law

    @property
    def chosen(self) -> Candidate:
        """The law with the largest weight."""
        return self.candidates[self.law]

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Of the chosen law."""
        return self.chosen.parameters

    @property
    def noise(self) -> float:
        """Standard deviation of a single run's loss, nats."""
        return self.noise_log.sd * self.chosen.quality.scale

    @property
    def r2(self) -> float:
        """Coefficient of determination."""
        return self.chosen.quality.r2

    @property
    def rmse(self) -> float:
        """Nats."""
        return self.chosen.quality.rmse

    def held_out_at(self, ratio: float) -> float | None:
        """Error of log loss on interior ratios left out, those near `ratio` counting most; None with none."""
        errors = interior_of(self.chosen.held_out_log.by_ratio)
        return float(np.sqrt(local_square(errors, np.array(ratio)))) if errors else None

    def better_baselines(self) -> dict[str, float]:
        """Baselines that erred less than the chosen law on left-out ratios, where the law is beyond the noise."""
        error = self.chosen.held_out_log.interior()
        if error is None or error <= 2.0 * self.noise_log.sd:
            return {}
        return {name: miss for name, miss in self.baselines_log.items() if miss is not None and miss < error}

    def reach(self, params: Floats) -> Floats:
        """Largest measured tokens of each size; of all sizes for one that was not measured."""
        longest = max(self.max_tokens.values())
        return np.array([self.max_tokens.get(float(n), longest) for n in params])
