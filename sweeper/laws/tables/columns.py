"""From a mapping of columns (a CSV, a data frame, a dictionary) to a checked `Table`."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.tables.bases import base_losses
from sweeper.laws.tables.counts import count, count_notes
from sweeper.laws.tables.names import check_names
from sweeper.laws.tables.raw import Columns, RawTable, raw_table
from sweeper.laws.tables.roles import Roles, read_roles
from sweeper.laws.tables.rows import keep_corpora, keep_usable
from sweeper.laws.tables.runs import read_runs
from sweeper.laws.tables.shares import Shares, read_shares
from sweeper.laws.tables.table import Table
from sweeper.laws.tables.units import check_units
from sweeper.laws.tables.values import Numbers, read_numbers


def table_from_columns(
    columns: Columns,
    *,
    domain: str | None = None,
    target: str | None = None,
    corpora: Collection[str] | None = None,
    lines: Sequence[int] | None = None,
) -> Table:
    """Checks columns and makes a `Table` of them; columns that it does not know are left out, and said.

    Needed: `corpus`, `tokens`, `loss`, and the mixture as `domain_ratio` or `ratio.NAME` columns. What else is missing
    reduces the laws, which the table's notes say. Rows of failed trials and of splits other than `valid` are left out,
    and where the table has rows of role `law` only those and rows of role `base` are kept: what search pruned and what
    confirms is not fitted. docs/measurements.md says the rest.

    Args:
        columns: Name to values, all of one length.
        domain: The corpus that `domain_ratio` is the share of; found from the table where it can be.
        target: The same under its other name.
        corpora: Keep the rows of these corpora only.
        lines: Line of each row in its file, for messages.

    Raises:
        LawError: a column is missing, of another length, or has a value that is not allowed (named with its row).
    """
    raw = raw_table(columns, lines)
    notes = check_names(list(raw.columns))
    every, left_out = keep_usable(raw)
    raw = every if corpora is None else keep_corpora(every, corpora)
    numbers = read_numbers(raw)
    roles = read_roles(every, _one(domain, target), corpora)
    shares = read_shares(raw, roles, numbers["tokens"] == 0)
    notes += [*left_out, *roles.notes, *shares.notes, *_missing_notes(raw), *check_units(raw, numbers)]
    table = _assembled(raw, numbers, roles, shares, notes)
    _check_variation(table)
    return replace(table, notes=(*table.notes, *count_notes(count(table))))


def _one(domain: str | None, target: str | None) -> str | None:
    if domain is not None and target is not None and domain != target:
        raise LawError(f"domain: {domain!r} is not the target {target!r}; both name one corpus, so give one of them")
    return domain if domain is not None else target


def _assembled(raw: RawTable, numbers: Numbers, roles: Roles, shares: Shares, notes: list[str]) -> Table:
    corpus, method = raw.strings("corpus"), raw.strings("method")
    base, base_notes = base_losses(raw, numbers, corpus, method)
    trial, keep, run_notes = read_runs(raw, numbers, corpus, method, shares.domain_ratio)
    table = Table(
        corpus=corpus,
        domain_ratio=shares.domain_ratio,
        share=shares.own,
        method=method,
        trial=trial,
        target=roles.target,
        remainder=shares.remainder,
        notes=(*notes, *base_notes, *run_notes),
        **{**numbers, **_defaults(raw, numbers), "base_loss": base},
    )
    return table.rows(keep)


def _defaults(raw: RawTable, numbers: Numbers) -> Numbers:
    """What stands in for sizes and schedules that are not known: one size, a constant rate."""
    params = numbers["params"] if "params" in raw.columns else np.ones(len(raw))
    area, fraction = numbers["lr_area"], numbers["lr_fraction"]
    return {
        "params": params,
        "lr_area": np.where(np.isnan(area), numbers["tokens"], area),
        "lr_fraction": np.where(np.isnan(fraction), 1.0, np.minimum(fraction, 1.0)),
    }


def _missing_notes(raw: RawTable) -> list[str]:
    notes = []
    if "params" not in raw.columns:
        notes.append("No column params: all rows are taken for one model size.")
    if "lr_area" not in raw.columns:
        notes.append("No column lr_area: a constant learning rate is assumed (area = tokens).")
    if "trial" not in raw.columns:
        notes.append("No column trial: rows of one mixture, size, method, rate, rank and seed are taken for one run.")
    return notes


def _check_variation(table: Table) -> None:
    for name in table.corpora:
        loss = table.loss[(table.corpus == name) & (table.tokens > 0)]
        if len(loss) > 2 and np.ptp(loss) == 0:
            raise LawError(
                f"loss: all {len(loss)} rows of {name} have {loss[0]:g}; without variation there is nothing to fit. "
                "Check the column, or leave that corpus out"
            )
