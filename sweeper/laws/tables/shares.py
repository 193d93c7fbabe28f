"""Each row's own share of the mixture, and which corpus the domain ratio is the share of."""

from dataclasses import dataclass, field

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.parsing import Columns, parse_numbers, parse_strings

_PREFIX = "ratio."
_TOLERANCE = 0.02
"""Token-exact mixtures differ from the asked share by a block."""


@dataclass
class Shares:
    """Mixtures of a table, one entry a row where an array."""

    domain_ratio: Floats
    own: Floats
    target: str
    remainder: dict[str, float]
    notes: list[str] = field(default_factory=list)


def read_shares(columns: Columns, corpus: Strings, tokens: Floats, target: str | None) -> Shares:
    """Own shares from `ratio.NAME` columns, or from `domain_ratio` where there is one domain corpus.

    Rows at tokens = 0 may leave their mixture out: the base model has none.

    Raises:
        LawError: there is no mixture, it is incomplete, or the target corpus cannot be told.
    """
    names = list(dict.fromkeys(str(name) for name in corpus))
    ratios = {n.removeprefix(_PREFIX): parse_numbers(columns[n], n) for n in columns if n.startswith(_PREFIX)}
    if not ratios and "domain_ratio" not in columns:
        raise LawError("domain_ratio: the table has neither this column nor ratio.NAME columns; laws need the mixture")
    target = target or _find_target(columns, corpus, names, ratios)
    if target not in names and target not in ratios:
        raise LawError(f"target: {target!r} is no corpus of the table; it has {', '.join(names)}")
    base = tokens == 0
    if not ratios:
        ratios = _from_domain_ratio(columns, names, target, base)
    elif target not in ratios:
        raise LawError(f"{_PREFIX}{target}: the table has no such column; the target's share of the mixture is needed")
    ratios = {name: np.where(base & np.isnan(share), 0.0, share) for name, share in ratios.items()}
    for name, share in ratios.items():
        _check(share, _PREFIX + name, base)
    remainder, notes = _remainder(ratios, target, base)
    own = np.zeros(len(corpus))
    for name, share in ratios.items():
        own = np.where(corpus == name, share, own)
    return Shares(ratios[target], own, target, remainder, notes)


def _find_target(columns: Columns, corpus: Strings, names: list[str], ratios: dict[str, Floats]) -> str:
    role = parse_strings(columns, "corpus_role", len(corpus))
    domains = [name for name in names if np.any((corpus == name) & (role == "domain"))]
    if len(domains) > 1 and "domain_ratio" in columns:
        wanted = parse_numbers(columns["domain_ratio"], "domain_ratio")
        domains = [n for n in domains if n in ratios and np.allclose(ratios[n], wanted, atol=1e-6, equal_nan=True)]
    if len(domains) == 1:
        return domains[0]
    if "domain" in names:
        return "domain"
    others = [name for name in names if name != "general"]
    if not domains and len(names) == 2 and len(others) == 1:
        return others[0]
    raise LawError(
        f"corpus_role: which of {', '.join(names)} is the target is not clear; give one corpus the role domain, or "
        "name the target"
    )


def _from_domain_ratio(columns: Columns, names: list[str], target: str, base: Bools) -> dict[str, Floats]:
    if len(names) > 2:
        raise LawError(
            f"ratio.NAME: the table has {len(names)} corpora ({', '.join(names)}) and only domain_ratio; with more "
            "than two corpora each one's share is needed as a column ratio.NAME"
        )
    ratio = parse_numbers(columns["domain_ratio"], "domain_ratio")
    _check(ratio, "domain_ratio", base)
    return {name: ratio if name == target else 1.0 - ratio for name in {*names, target}}


def _check(share: Floats, name: str, base: Bools) -> None:
    wrong = ~base & ~((share >= -1e-9) & (share <= 1 + 1e-9))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise LawError(f"{name}: row {row} has {share[row]}; a share is between 0 and 1")


def _remainder(ratios: dict[str, Floats], target: str, base: Bools) -> tuple[dict[str, float], list[str]]:
    """Each other corpus' part of what the target leaves; a note where the rows do not agree on it."""
    left = 1.0 - ratios[target]
    use = ~base & (left > 1e-6)
    parts: dict[str, float] = {}
    notes = []
    for name, share in ratios.items():
        if name == target:
            continue
        part = share[use] / left[use]
        parts[name] = float(np.median(part)) if part.size else 0.0
        if (
            part.size
            and float(np.ptp(part * left[use])) > 0
            and np.max(np.abs(part - parts[name]) * left[use]) > _TOLERANCE
        ):
            notes.append(
                f"{name}: its part of what {target} leaves differs between rows; a domain ratio alone does not say its "
                f"share, {parts[name]:.3g} of the rest is taken"
            )
    return parts, notes
