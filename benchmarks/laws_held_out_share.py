"""The domain ratio up to which general loss stays at the base model's: forecast from half of the tokens, measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.laws_held_out_rows import Unit, fitted, folds_of, last_tokens, unit_of
from sweeper.laws import LawSet, Table
from sweeper.laws.arrays import Floats

_GRID = 401


@dataclass(frozen=True)
class ShareMiss:
    """A forecast ratio and the one that was measured."""

    unit: Unit
    side: str
    measured: float
    error: float
    """Predicted minus measured ratio."""
    error_alike: float
    """The same where predictions at the measured ratios are interpolated as measurements are."""
    covered: bool
    """Whether the measured ratio lay within the 90 % interval of the draws."""


def crossing(ratios: Floats, over: Floats) -> float | None:
    """The smallest ratio at which `over` rises above 0, by lines between rising ratios; None where it does not."""
    above = np.flatnonzero((over[1:] > 0) & (over[:-1] <= 0))
    if not len(above) or over[0] > 0:
        return None
    i = int(above[0])
    return float(np.interp(0.0, over[i : i + 2], ratios[i : i + 2]))


def clamped(ratios: Floats, over: Floats) -> float:
    """The same of a forecast: the smallest ratio where all oversteps, the largest where nothing does."""
    found = crossing(ratios, over)
    return found if found is not None else float(ratios[0] if over[0] > 0 else ratios[-1])


def share_misses_of(name: str, table: Table, bootstrap: int) -> Iterator[ShareMiss]:
    """Of every general corpus and size whose base loss is crossed between measured ratios at twice the tokens."""
    beyond = folds_of(table)[-1]
    at_end = (table.tokens == last_tokens(table)) & ~np.isnan(table.base_loss)
    ends = [(corpus, size) for corpus in table.remainder for size in np.unique(table.params)]
    fits = fitted(table.rows(~beyond.left_out), bootstrap)
    for corpus, size in ends:
        last = table.rows(at_end & (table.corpus == corpus) & (table.params == size))
        if len(last) == 0:
            continue
        ratios, over = _over_base(last)
        measured = crossing(ratios, over)
        for law, laws in fits.items():
            if measured is not None and corpus in laws.corpora:
                yield _share_miss(unit_of(name, last, 0), law, laws, last, ratios, measured)


def _over_base(last: Table) -> tuple[Floats, Floats]:
    """Rising ratios and mean loss above the base loss at each."""
    ratios = np.unique(last.domain_ratio)
    means = [float(np.mean((last.loss - last.base_loss)[last.domain_ratio == ratio])) for ratio in ratios]
    return ratios, np.array(means)


def _share_miss(unit: Unit, side: str, laws: LawSet, last: Table, ratios: Floats, measured: float) -> ShareMiss:
    base = float(np.median(last.base_loss))

    def ask(where: Floats) -> tuple[Floats, Floats]:
        said = laws.predict(
            unit.corpus,
            tokens=float(last.tokens.max()),
            params=unit.size,
            domain_ratio=where,
            lr_area=float(np.median(last.lr_area)),
            lr_fraction=float(np.median(last.lr_fraction)),
        )
        return said.loss - base, said.samples - base

    fine = np.linspace(ratios[0], ratios[-1], _GRID)
    center, draws = ask(fine)
    low, high = np.quantile([clamped(fine, draw) for draw in draws], (0.05, 0.95))
    alike = clamped(ratios, ask(ratios)[0])
    return ShareMiss(
        unit, side, measured, clamped(fine, center) - measured, alike - measured, bool(low <= measured <= high)
    )
