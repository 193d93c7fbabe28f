"""What a decision chooses among: runs to come, each by size, tokens and ratio."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.prediction import MAX_EXTRAPOLATION
from sweeper.laws.forms.registry import LAWS

LEVEL = 0.9
"""Of every interval that a use gives."""


@dataclass(frozen=True)
class Options:
    """Runs to choose from; arrays (k,)."""

    domain_ratio: Floats
    tokens: Floats
    params: Floats
    epochs: Floats
    """Passes over the target's text; 1 where none of it is repeated."""

    def __len__(self) -> int:
        return len(self.domain_ratio)

    def keep(self, rows: Bools) -> "Options":
        """Those where `rows` (k,) is true."""
        return Options(self.domain_ratio[rows], self.tokens[rows], self.params[rows], self.epochs[rows])


def options_of(
    domain_ratio: Floats, tokens: Floats | float, params: Floats | float, epochs: Floats | float = 1.0
) -> Options:
    """Broadcasts one against the others, flat.

    Raises:
        LawError: tokens or params are not above 0.
    """
    for name, values in (("tokens", tokens), ("params", params)):
        if not np.all(np.isfinite(values) & (np.asarray(values) > 0)):
            raise LawError(f"{name}: {np.min(values):g} is not allowed; give a number above 0")
    arrays = np.broadcast_arrays(*[np.asarray(each, np.float64) for each in (domain_ratio, tokens, params, epochs)])
    return Options(*(array.ravel() for array in arrays))


def searched_ratios(fits: LawSet, low: float, high: float, count: int) -> Floats:
    """`count` ratios between the bounds, within what was measured: there is no extrapolation in ratio.

    Raises:
        LawError: nothing measured lies between the bounds, or a law that knows no mixture.
    """
    for corpus, fit in fits.corpora.items():
        if fit.law in LAWS and not LAWS[fit.law].mixture:
            raise LawError(
                f"law: {corpus}: {fit.law} is no law of mixture and tokens, so no ratio follows from it; fit with "
                "--law auto"
            )
    first, last = max(low, fits.ratio_range[0]), min(high, fits.ratio_range[1])
    if first > last:
        raise LawError(
            f"domain_ratio: {low:g} to {high:g} holds no measured ratio (measured: {fits.ratio_range[0]:g} to "
            f"{fits.ratio_range[1]:g}); there is no extrapolation in ratio"
        )
    return np.linspace(first, last, count) if first < last else np.array([first])


def reached(fits: LawSet, corpus: str, options: Options) -> Floats:
    """(k,) tokens of each option over the largest measured at its size."""
    return np.asarray(options.tokens / fits.corpus(corpus).reach(options.params))


def within_reach(fits: LawSet, corpus: str, options: Options) -> tuple[Options, list[str]]:
    """The options within twice the measured tokens, with a note where that leaves some out.

    Where none is, those with the fewest tokens beyond are kept: the trust sentences then say that they are not to be
    trusted.
    """
    reach = reached(fits, corpus, options)
    keep = reach <= MAX_EXTRAPOLATION * (1 + 1e-9)
    if keep.all():
        return options, []
    if not keep.any():
        return options.keep(np.asarray(reach <= reach.min() * (1 + 1e-9))), []
    return options.keep(np.asarray(keep)), [
        f"{np.sum(~keep)} of {len(keep)} options train on more than {MAX_EXTRAPOLATION:g} times the measured tokens: "
        "they were left out."
    ]
