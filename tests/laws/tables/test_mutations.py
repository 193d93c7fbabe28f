"""Whatever happens to a table: it is read, or refused with the column that is wrong."""

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.laws import LawError, table_from_columns
from sweeper.laws.tables.names import KNOWN
from tests.laws.tables.small_tables import typed

FULL = typed(
    params=1_300_000, base_loss=3.5, method="full", trial=[f"t{r}" for r in typed()["domain_ratio"]], seed=0,
    lr_area=typed()["tokens"], lr_fraction=1.0, learning_rate=1e-3, stderr=0.01, unique_tokens=10_000, lora_r="",
    corpus_role=["general"] * 7 + ["domain"] * 7, split="valid", role="law", state="completed",
) | {"ratio.law": typed()["domain_ratio"], "ratio.general": [r and 1 - r for r in typed()["domain_ratio"]]}  # fmt: skip
NAMES = [*KNOWN, "ratio.law", "ratio.general", "ratio.NAME", "domain", "columns"]
ROWS = len(FULL["loss"])
VALUES = st.one_of(
    st.none(), st.text(max_size=6), st.floats(), st.integers(), st.booleans(), st.binary(max_size=3),
    st.sampled_from([0, 1, -1, 100, 1e9, math.nan, math.inf, "25%", "1e400", "160k", "NA", "general", "law", (), 1j]),
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> dict[Any, Any]:
    columns: dict[Any, Any] = {name: list(values) for name, values in FULL.items()}
    for name in draw(st.sets(st.sampled_from(sorted(FULL)), max_size=6)):
        del columns[name]
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(sorted(columns)) if columns else st.just("loss"))
        kind = draw(st.sampled_from(["cell", "column", "rename", "repeat", "scale", "replace"]))
        values = columns.get(name)
        if kind == "rename":
            columns[draw(st.text(max_size=12))] = columns.pop(name, None)
        elif kind == "repeat":
            columns = {n: v + v[:3] if isinstance(v, list) else v for n, v in columns.items()}
        elif kind == "cell" and isinstance(values, list) and values:
            at = draw(st.integers(0, len(values) - 1))
            columns[name] = [*values[:at], draw(VALUES), *values[at + 1 :]]
        elif kind == "scale" and isinstance(values, list):
            factor = draw(st.sampled_from([1e-9, 1e-6, 0.01, 100, 1e12]))
            columns[name] = [v * factor if isinstance(v, float) else v for v in values]
        elif kind == "column":
            columns[name] = [draw(VALUES)] * ROWS
        else:
            columns[name] = draw(st.one_of(VALUES, st.lists(VALUES, max_size=3)))
    return columns


@settings(max_examples=300, deadline=None)
@given(mutations(), st.sampled_from([None, "law", "general", "nowhere"]))
def test_a_mutated_table_is_read_or_refused_with_a_column(columns: dict[Any, Any], domain: str | None) -> None:
    try:
        table = table_from_columns(columns, domain=domain)
    except LawError as refused:
        assert any(str(refused).startswith((f"{name}:", f"ratio.{name}:")) for name in [*NAMES, *columns]), refused
    else:
        assert len(table) == len(table.trial) > 0
        assert ((table.share >= 0) & (table.share <= 1)).all()
        assert (table.loss > 0).all()
