"""What one would have said without a law."""

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.tables.table import Table


def nearest_measured(
    table: Table, *, corpus: str, tokens: float, domain_ratio: float, params: float, method: str | None = None
) -> float:
    """The loss (nats) of the measured run nearest in ratio, at its checkpoint nearest in tokens.

    Runs that were left before half of the tokens that the longest has, or half of those asked, are passed over. Runs
    that are equally near (another seed) are averaged.

    Raises:
        LawError: nothing was measured for that corpus, size and method.
    """
    rows = table.where(corpus=corpus, method=method)
    rows = rows.rows((rows.tokens > 0) & np.isclose(rows.params, params, rtol=1e-6))
    if len(rows) == 0:
        raise LawError(f"params: {corpus} was not measured at params = {params:g}; nothing is near")
    rows = rows.rows(rows.tokens >= 0.5 * min(tokens, float(rows.tokens.max())))
    away = np.round(np.abs(rows.domain_ratio - domain_ratio), 6)
    rows = rows.rows(away == away.min())
    far = np.abs(rows.tokens - tokens)
    return float(np.mean(rows.loss[far == far.min()]))
