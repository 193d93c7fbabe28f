"""One law over several domains, and the loss of a new one from its first steps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from sweeper.laws.arrays import Bools, Floats, Ints
from sweeper.laws.engine.descent import Problem, fit_groups, log_residuals
from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import DRAWS
from sweeper.laws.fits.noise import emphasis, late_rows
from sweeper.laws.fits.prediction import Prediction, interval
from sweeper.laws.forms.cross_domain import CrossDomain, CrossDomainStart
from sweeper.laws.forms.law import frame_of
from sweeper.laws.forms.registry import missing_columns
from sweeper.laws.tables.points import Points, points_of
from sweeper.laws.tables.table import Table

MIN_DOMAINS = 3
Learnability = Literal["cross-domain", "cross-domain-start"]
_FORMS: dict[Learnability, type[CrossDomain]] = {"cross-domain": CrossDomain, "cross-domain-start": CrossDomainStart}
_STARTS, _HELD_OUT_STARTS, _ITERATIONS = 48, 16, 300


@dataclass(frozen=True)
class CrossDomainFit:
    """The law of many domains."""

    law: CrossDomain
    params: Floats
    """(p,)"""
    without: dict[str, Floats]
    """(p,) parameters of the fit without each domain."""
    held_out: dict[str, float]
    """Root mean square error of log loss at late rows of each domain, predicted by the fit without it."""
    seed: int

    @property
    def error(self) -> float:
        """What a new domain is expected to be missed by, log loss."""
        return float(np.sqrt(np.mean(np.square(list(self.held_out.values())))))

    def predict(
        self,
        *,
        base_loss: float,
        decline: float | None = None,
        tokens: ArrayLike,
        params: ArrayLike,
        share: ArrayLike,
        level: float = 0.9,
    ) -> Prediction:
        """The loss of a new domain, from its loss before training and how fast that fell in the first steps.

        Intervals have the error of the domains left out: Student's t with one degree of freedom less than domains, the
        same deviation everywhere, since a domain is hard or easy as a whole.

        Args:
            base_loss: Of the base model on the new domain, nats.
            decline: As `first_decline` gives it at the share and tokens of the fitted domains; the simple form needs
                none.
            tokens: Training tokens.
            params: Total parameters.
            share: The domain's share of them.
            level: Of the interval.

        Raises:
            LawError: the law needs the decline, or the size was not measured.
        """
        if decline is None and "decline" in self.law.needs:
            raise LawError(
                f"decline: {self.law.name} needs the decline of the first steps; give it as first_decline does"
            )
        given = (params, tokens, share, base_loss, np.nan if decline is None else decline)
        columns = np.broadcast_arrays(*[np.asarray(each, dtype=np.float64) for each in given])
        size, trained, own, base, fall = (column.ravel() for column in columns)
        points = Points(size, trained, own, trained, np.zeros(len(own)), base, decline=fall)
        center = self.law.predict(self.params[None], points)[0]
        deviation = np.random.default_rng([self.seed, 5]).standard_t(len(self.held_out) - 1, (DRAWS, 1))
        samples = center * np.exp(deviation * self.error)
        low, high = interval(center, samples, level)
        shape, reach = columns[0].shape, float(np.max(trained) / self.law.frame.tokens)
        return Prediction(
            center.reshape(shape),
            low.reshape(shape),
            high.reshape(shape),
            samples.reshape(DRAWS, *shape),
            reach,
            notes=(),
        )


def first_decline(table: Table) -> float:
    """How fast the loss of a domain falls in the first steps, nats per token.

    Measured at the first checkpoint and the largest share; a mean where several sizes or runs have them. Comparable
    between domains only where that checkpoint and share are the same.

    Args:
        table: Rows of one domain's own loss.

    Raises:
        LawError: no row after training began, or its base loss is missing.
    """
    rows = table.rows(table.tokens > 0)
    if len(rows) == 0:
        raise LawError("tokens: every row is at 0; the decline of the first steps needs a row during training")
    rows = rows.rows(rows.share >= rows.share.max() - 1e-6)
    rows = rows.rows(rows.tokens <= rows.tokens.min() * (1 + 1e-9))
    if np.isnan(rows.base_loss).any():
        raise LawError(f"base_loss: {rows.corpus[0]} has none; the decline of the first steps is measured from it")
    return float(np.mean((rows.base_loss - rows.loss) / rows.tokens))


def fit_cross_domain(
    tables: Mapping[str, Table], *, learnability: Learnability = "cross-domain", seed: int = 0
) -> CrossDomainFit:
    """Fits one law to the own losses of several domains, and again without each of them.

    Args:
        tables: By domain, the rows of its own loss (`table.where(corpus=...)`), with base losses.
        learnability: From the loss before training and the first decline, or from the former alone.
        seed: Of starts and intervals.

    Raises:
        LawError: fewer than three domains, or base losses are missing.
    """
    if len(tables) < MIN_DOMAINS:
        raise LawError(f"domains: {len(tables)}; a law over domains needs {MIN_DOMAINS} or more")
    trained = [table.rows(table.tokens > 0) for table in tables.values()]
    points = _joined([_domain_points(rows) for rows in trained])
    if missing := missing_columns(learnability, points):
        raise LawError(f"{missing[0]}: missing in some rows; {learnability} needs it in every one")
    losses = np.concatenate([rows.loss for rows in trained])
    law = _FORMS[learnability](frame_of(points, losses))
    problem = Problem(law, points, np.log(losses), np.concatenate([emphasis(rows) for rows in trained]))
    rng = np.random.default_rng([seed, 2])
    params = fit_groups(problem, np.ones((1, len(points))), law.starts(rng, _STARTS)[None], _ITERATIONS).params[0]
    domain = np.repeat(np.arange(len(trained)), [len(rows) for rows in trained])
    late = np.concatenate([late_rows(rows) for rows in trained])
    without, missed = _left_out(problem, domain, late, np.vstack([params, law.starts(rng, _HELD_OUT_STARTS)]))
    return CrossDomainFit(
        law=law,
        params=params,
        without=dict(zip(tables, without, strict=True)),
        held_out=dict(zip(tables, missed, strict=True)),
        seed=seed,
    )


def _left_out(problem: Problem, domain: Ints, late: Bools, starts: Floats) -> tuple[Floats, list[float]]:
    """Parameters (domains, p) without each domain, and what they miss its late rows by."""
    each = np.arange(domain.max() + 1)
    weights = (domain[None, :] != each[:, None]).astype(np.float64)
    found = fit_groups(problem, weights, np.stack([starts] * len(each)), _ITERATIONS).params
    misses = log_residuals(problem, found)
    return found, [float(np.sqrt(np.mean(misses[i, (domain == i) & late] ** 2))) for i in each]


def _domain_points(rows: Table) -> Points:
    return replace(points_of(rows), decline=np.full(len(rows), first_decline(rows)))


def _joined(parts: list[Points]) -> Points:
    """The points of several domains, one after another."""
    names = Points.__dataclass_fields__
    return Points(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
