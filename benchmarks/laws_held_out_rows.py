"""What each side says of rows that were left out: a mixture ratio, or the second half of training."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sweeper.laws import LawSet, Prediction, Table, fit
from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.fits.baselines import interpolation, nearest_run, unchanged
from sweeper.laws.fits.choice import Choice
from sweeper.laws.fits.holdout import at_ratio, distinct_ratios

RATIO, EXTREME, BEYOND, PAST = "ratio", "extreme ratio", "beyond half", "past twice"
RATIO_BASELINES = {"interpolation": interpolation, "nearest run": nearest_run, "unchanged": unchanged}


@dataclass(frozen=True)
class Unit:
    """What errors are pooled over: one corpus at one size of one table."""

    table: str
    size: float
    corpus: str
    role: str
    """`general` or `domain`: whether its own share falls or rises with the domain ratio."""


@dataclass(frozen=True)
class Miss:
    """One measured loss and what a side that had not seen it said."""

    unit: Unit
    fold: str
    side: str
    error: float
    """Predicted minus measured, nats."""
    covered: bool | None
    """Whether the measured loss lay within the 90 % interval; None for baselines."""
    last: bool
    """Whether it is the last checkpoint that a forecast from half of the tokens may be asked for."""


@dataclass(frozen=True)
class Fold:
    """Rows left out (n,)."""

    name: str
    left_out: Bools

    def name_of(self, table: Table, row: int) -> str:
        """Its own, but for rows past twice the tokens that were fitted, which no law promises."""
        return PAST if self.name == BEYOND and table.tokens[row] > self.reach(table)[row] else self.name

    def reach(self, table: Table) -> Floats:
        """(n,) twice the tokens of the last checkpoint that was fitted, at each row's size."""
        seen = np.where(self.left_out, 0.0, table.tokens)
        return 2.0 * (1 + 1e-9) * np.array([seen[table.params == size].max() for size in table.params])


def folds_of(table: Table) -> list[Fold]:
    """Every ratio in turn, at all sizes; all that comes after half of a size's tokens."""
    ratios = distinct_ratios(table.domain_ratio[table.tokens > 0])
    ends = (ratios[0], ratios[-1])
    folds = [Fold(EXTREME if ratio in ends else RATIO, at_ratio(table, ratio) & (table.tokens > 0)) for ratio in ratios]
    return [*folds, Fold(BEYOND, table.tokens > 0.5 * largest_tokens(table) * (1 + 1e-9))]


def largest_tokens(table: Table) -> Floats:
    """(n,) tokens of the last checkpoint at each row's size."""
    return np.array([table.tokens[table.params == size].max() for size in table.params])


def last_tokens(table: Table) -> Floats:
    """(n,) the same among those that are within twice of the last in the first half."""
    beyond = folds_of(table)[-1]
    within = table.rows(table.tokens <= beyond.reach(table))
    return np.array([within.tokens[within.params == size].max() for size in table.params])


def misses_of(name: str, table: Table, fold: Fold, bootstrap: int) -> Iterator[Miss]:
    """Errors of every side on the rows of a fold."""
    for law, laws in fitted(table.rows(~fold.left_out), bootstrap).items():
        yield from _law_misses(name, table, fold, law, laws)
    yield from baseline_misses(name, table, fold)


def fitted(seen: Table, bootstrap: int) -> dict[str, LawSet]:
    """`auto`, `anchored` and `dcpt`; the anchored one is `auto`'s, without what `auto` may have mixed in."""
    auto = fit(seen, bootstrap=bootstrap)
    return {"auto": auto, "anchored": alone(auto, "anchored"), "dcpt": fit(seen, law="dcpt", bootstrap=bootstrap)}


def alone(laws: LawSet, law: str) -> LawSet:
    """The same with all weight on one of the laws compared."""
    choice = Choice({law: 1.0}, "")
    return replace(laws, corpora={name: replace(each, choice=choice) for name, each in laws.corpora.items()})


def predicted_rows(laws: LawSet, corpus: str, rows: Table) -> Prediction:
    """What laws say of a corpus where its rows were measured."""
    return laws.predict(
        corpus,
        tokens=rows.tokens,
        params=rows.params,
        shares={corpus: rows.share, rows.target: rows.domain_ratio},
        lr_area=rows.lr_area,
        lr_fraction=rows.lr_fraction,
    )


def _law_misses(name: str, table: Table, fold: Fold, law: str, laws: LawSet) -> Iterator[Miss]:
    last = last_tokens(table)
    for corpus in laws.corpora:
        keep = fold.left_out & (table.corpus == corpus)
        rows = table.rows(keep)
        said = predicted_rows(laws, corpus, rows)
        covered = (said.low <= rows.loss) & (rows.loss <= said.high)
        for i, row in enumerate(np.flatnonzero(keep)):
            error = float(said.loss[i] - rows.loss[i])
            unit = unit_of(name, table, int(row))
            name_of_row = fold.name_of(table, int(row))
            yield Miss(unit, name_of_row, law, error, bool(covered[i]), bool(table.tokens[row] == last[row]))


def baseline_misses(name: str, table: Table, fold: Fold) -> Iterator[Miss]:
    """Errors of what one would have said without a law; a baseline that cannot say is silent."""
    last = last_tokens(table)
    for row in map(int, np.flatnonzero(fold.left_out & (table.share >= 0))):
        mine = (table.corpus == table.corpus[row]) & (table.params == table.params[row]) & (table.tokens > 0)
        for side, said in _baselines(table, fold, row, mine).items():
            if said is not None:
                error = float(np.exp(said) - table.loss[row])
                at_end = bool(table.tokens[row] == last[row])
                yield Miss(unit_of(name, table, row), fold.name_of(table, row), side, error, None, at_end)


def _baselines(table: Table, fold: Fold, row: int, mine: Bools) -> dict[str, float | None]:
    """Log losses: from the other ratios at the same tokens; or from the same run's last checkpoint that was seen."""
    if fold.name == BEYOND:
        before = mine & ~fold.left_out & at_ratio(table, float(table.domain_ratio[row]))
        newest = before & (table.tokens == table.tokens[before].max(initial=0.0))
        last_seen = float(np.log(table.loss[newest]).mean()) if newest.any() else None
        return {"last checkpoint": last_seen, "unchanged": unchanged(table, row, mine)}
    beside = mine & np.isclose(table.tokens, table.tokens[row], rtol=0.02) & ~fold.left_out
    return {name: baseline(table, row, beside) for name, baseline in RATIO_BASELINES.items()}


def unit_of(name: str, table: Table, row: int) -> Unit:
    """The unit that a row belongs to."""
    corpus = str(table.corpus[row])
    return Unit(name, float(table.params[row]), corpus, "general" if corpus in table.remainder else "domain")
