"""Which rows of a table laws may be fitted to."""

from collections.abc import Collection

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.tables.names import listed, nearest_name
from sweeper.laws.tables.raw import RawTable


def keep_usable(raw: RawTable) -> tuple[RawTable, list[str]]:
    """Rows of failed trials, of held-out parts other than `valid` and, where some are `law` rows, of other roles go.

    Raises:
        LawError: none is left.
    """
    state, split, role = raw.strings("state"), raw.strings("split"), raw.strings("role")
    keep = state != "failed"
    notes = [f"{int((~keep).sum())} rows of failed trials are left out."] if not keep.all() else []
    if not keep.any():
        raise LawError("state: every row is of a failed trial; laws need trials that did not fail")
    if "split" in raw.columns:
        keep &= (split == "valid") | (split == "")
        if not keep.any():
            raise LawError(
                f"split: no row is `valid`, there are {listed(sorted(set(split.tolist())))}; laws are fitted to "
                "validation losses, so call their rows valid or leave the column out"
            )
    if np.any((role == "law") & keep):
        searched = ~np.isin(role, ("law", "base"))
        if np.any(searched & keep):
            notes.append("Only rows of role law (and base) are used.")
        keep &= ~searched
    return raw.keep(keep), notes


def keep_corpora(raw: RawTable, names: Collection[str]) -> RawTable:
    """The rows of some corpora.

    Raises:
        LawError: one has no row.
    """
    corpus = raw.strings("corpus")
    known = list(dict.fromkeys(corpus.tolist()))
    for name in names:
        if name not in known:
            meant = nearest_name(name, known)
            hint = f"; did you mean {meant!r}?" if meant else ""
            raise LawError(f"corpus: no row has {name!r}; the table has {listed(known)}{hint}")
    return raw.keep(np.isin(corpus, list(names)))
