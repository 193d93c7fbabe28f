"""Tables small enough to be read, as a person would type them."""

from typing import Any

RATIOS = (0.1, 0.4, 0.9)
TOKENS = (50_000, 100_000)


def typed(corpora: tuple[str, ...] = ("general", "law"), **changes: Any) -> dict[str, list[Any]]:
    """Every corpus at three ratios and two token counts, with its loss at tokens = 0 first.

    Args:
        corpora: Their names; all but the last have the loss of general text.
        changes: Columns to add or replace (a list, or one value for all rows), or to leave out (None).
    """
    rows: list[dict[str, Any]] = []
    for corpus in corpora:
        last = corpus == corpora[-1]
        rows.append({"corpus": corpus, "tokens": 0, "domain_ratio": "", "loss": 4.0 if last else 3.0})
        for ratio in RATIOS:
            for tokens in TOKENS:
                learnt = tokens / 1e5 * ratio
                loss = 4.0 - learnt if last else 3.0 + 0.1 * learnt
                rows.append({"corpus": corpus, "tokens": tokens, "domain_ratio": ratio, "loss": round(loss, 4)})
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    for name, values in changes.items():
        columns[name] = values if isinstance(values, list) else [values] * len(rows)
    return {name: values for name, values in columns.items() if changes.get(name, values) is not None}


def at(columns: dict[str, list[Any]], name: str, row: int, value: Any) -> dict[str, list[Any]]:
    """The same with one value (rows count from 1) replaced."""
    values = list(columns[name])
    values[row - 1] = value
    return {**columns, name: values}
