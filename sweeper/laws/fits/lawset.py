"""The fitted laws of a table: what fit returns, what predict asks, what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.prediction import MAX_EXTRAPOLATION, Prediction, interval, sample_losses
from sweeper.laws.forms.law import MIN_SIZES_FOR_POWERS
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class LawSet:
    """The laws of every corpus of the mixture."""

    corpora: dict[str, CorpusFit]
    target: str
    remainder: dict[str, float]
    """Each other corpus' part of what the target leaves."""
    ratio_range: tuple[float, float]
    """Smallest and largest domain ratio measured."""
    area_per_token: float
    """Learning-rate area over tokens at the end of the measured runs."""
    end_fraction: float
    """Learning rate over peak there."""
    method: str
    """Of the runs that were fitted; empty where it is not named."""
    lora_r: float | None
    """Median rank of their adapters."""
    seed: int
    notes: list[str] = field(default_factory=list)

    def corpus(self, name: str) -> CorpusFit:
        """The fit of one corpus.

        Raises:
            LawError: there is none of that name.
        """
        if name not in self.corpora:
            raise LawError(f"corpus: no law was fitted for {name!r}; there are laws for {', '.join(self.corpora)}")
        return self.corpora[name]

    def own_share(self, corpus: str, domain_ratio: Floats) -> Floats:
        """The share of a corpus in the mixture of that domain ratio; the target's for another text of its domain."""
        if corpus not in self.remainder:
            return domain_ratio
        return (1.0 - domain_ratio) * self.remainder[corpus]

    def base_loss(self, corpus: str, params: float) -> float:
        """The measured loss before training; between and beyond measured sizes a power of N (three sizes or more).

        Raises:
            LawError: it was not measured.
        """
        known = self.corpus(corpus).base_losses
        if params in known:
            return known[params]
        if len(known) < MIN_SIZES_FOR_POWERS:
            sizes = f"known at {', '.join(f'{size:g}' for size in known)}" if known else "known at no size"
            raise LawError(
                f"base_loss: {corpus} was not measured before training at params = {params:g} ({sizes}); fewer than "
                f"{MIN_SIZES_FOR_POWERS} sizes say nothing of others: ask at one of these, or give its base loss"
            )
        slope, level = np.polyfit(np.log(list(known)), np.log(list(known.values())), 1)
        return float(np.exp(level + slope * np.log(params)))

    def predict(
        self,
        corpus: str,
        *,
        tokens: ArrayLike,
        params: ArrayLike,
        domain_ratio: ArrayLike | None = None,
        shares: Mapping[str, ArrayLike] | None = None,
        lr_area: ArrayLike | None = None,
        lr_fraction: ArrayLike | None = None,
        unique_tokens: ArrayLike | None = None,
        lora_r: ArrayLike | None = None,
        level: float = 0.9,
        noise: bool = True,
    ) -> Prediction:
        """Predicts the loss of a corpus; arguments broadcast against each other.

        Args:
            corpus: Whose loss.
            tokens: Training tokens, above 0.
            params: Total parameters.
            domain_ratio: Share of the target corpus; the others divide the rest as in the table.
            shares: In its place, the share of each corpus by name.
            lr_area: Integral of learning rate / peak; that of the measured runs' schedule where it is left out.
            lr_fraction: Learning rate / peak; what measured runs ended with where it is left out.
            unique_tokens: Distinct tokens among those of the corpus; all of them where it is left out.
            lora_r: Rank of the adapter; the median measured one where it is left out.
            level: Of the interval.
            noise: Whether the interval is for a single new run (True) or for the mean of many (False).

        Raises:
            LawError: an argument is outside what is allowed, or the law does not reach it.
        """
        fit = self.corpus(corpus)
        if not 0 < level < 1:
            raise LawError(f"level: {level} is not between 0 and 1")
        own, ratio = self._shares(corpus, domain_ratio, shares)
        optional = [np.nan if value is None else value for value in (lr_area, lr_fraction, unique_tokens, lora_r)]
        given = (tokens, params, own, ratio, *optional)
        arrays = np.broadcast_arrays(*[np.asarray(value, dtype=np.float64) for value in given])
        shape = arrays[0].shape
        points, ratios = self._points(corpus, [array.ravel() for array in arrays])
        center, samples = sample_losses(fit, points, ratios, noise=noise, seed=self.seed)
        low, high = interval(center, samples, level)
        extrapolation = float(np.max(points.tokens / fit.reach(points.params)))
        return Prediction(
            loss=center.reshape(shape),
            low=low.reshape(shape),
            high=high.reshape(shape),
            samples=samples.reshape(-1, *shape),
            extrapolation=extrapolation,
            notes=self._notes(fit, points, ratios, extrapolation),
        )

    def describe(self) -> dict[str, Any]:
        """What the laws say of themselves, as plain JSON types: what `fit --json` prints."""
        from sweeper.laws.fits.describe import describe

        return describe(self)

    def to_json(self) -> str:
        """Everything that predict needs, as plain JSON."""
        from sweeper.laws.fits.serialise import dump

        return dump(self)

    @staticmethod
    def from_json(text: str) -> "LawSet":
        """Reads `to_json`'s text; predictions are the same to the last digit.

        Raises:
            LawError: it is not such a text, or of another version.
        """
        from sweeper.laws.fits.serialise import load

        return load(text)

    def _shares(
        self, corpus: str, domain_ratio: ArrayLike | None, shares: Mapping[str, ArrayLike] | None
    ) -> tuple[Floats, Floats]:
        if (domain_ratio is None) == (shares is None):
            raise LawError("domain_ratio: give either domain_ratio or shares")
        if shares is not None:
            for name in (corpus, self.target):
                if name not in shares:
                    raise LawError(f"shares: {name!r} is missing; give the share of every corpus")
            own, ratio = (np.asarray(shares[name], dtype=np.float64) for name in (corpus, self.target))
        else:
            ratio = np.asarray(domain_ratio, dtype=np.float64)
            own = self.own_share(corpus, ratio)
        for name, values in (("domain_ratio", ratio), ("shares", own)):
            if not np.all((values >= 0) & (values <= 1)):
                raise LawError(f"{name}: {values} is not between 0 and 1")
        return own, ratio

    def _points(self, corpus: str, arrays: list[Floats]) -> tuple[Points, Floats]:
        tokens, params, own, ratio, area, fraction, unique, rank = arrays
        fraction = np.where(np.isnan(fraction), self.end_fraction, fraction)
        area = np.where(np.isnan(area), tokens * self.area_per_token, area)
        _check_amounts(tokens, params, area)
        if not np.all((fraction >= 0) & (fraction <= 1)):
            raise LawError("lr_fraction: allowed is between 0 and 1")
        fit, base = self.corpora[corpus], np.full(tokens.shape, np.nan)
        if fit.base_losses and set(fit.base_losses) >= set(fit.max_tokens):
            base = np.vectorize(lambda n: self.base_loss(corpus, float(n)), otypes=[np.float64])(params)
        points = Points(
            params=params,
            tokens=tokens,
            share=own,
            lr_area=area,
            annealed=1 - fraction,
            base_loss=base,
            unique_tokens=unique,
            lora_r=np.where(np.isnan(rank) & (self.lora_r is not None), self.lora_r or np.nan, rank),
            method=np.full(tokens.shape, self.method),
        )
        return points, ratio

    def _notes(self, fit: CorpusFit, points: Points, ratios: Floats, extrapolation: float) -> tuple[str, ...]:
        notes = []
        if extrapolation > MAX_EXTRAPOLATION:
            notes.append(f"{extrapolation:.3g} times the measured tokens: beyond twice no law here should be trusted.")
        elif extrapolation > 1 + 1e-9:
            notes.append(f"{extrapolation:.3g} times the measured tokens: the interval is widened for it.")
        low, high = self.ratio_range
        if np.any((ratios < low - 1e-6) | (ratios > high + 1e-6)):
            notes.append(f"A domain ratio outside the measured {low:g} to {high:g}: an extrapolation in ratio.")
        if any(float(n) not in fit.max_tokens for n in points.params):
            notes.append("A model size that was not measured: powers of N, and their error is not in the interval.")
        return tuple(notes)


def _check_amounts(tokens: Floats, params: Floats, area: Floats) -> None:
    if not np.all((tokens > 0) & np.isfinite(tokens)):
        raise LawError(f"tokens: {tokens.min():g} is not above 0 and finite; the loss at 0 is the base loss")
    if not np.all((params > 0) & np.isfinite(params)):
        raise LawError(f"params: {params.min():g} is not above 0 and finite; give the parameters of the model")
    if not np.all((area >= 0) & (area <= tokens * 1.002)):
        raise LawError("lr_area: allowed is from 0 to the tokens: it is the integral of learning rate over its peak")
