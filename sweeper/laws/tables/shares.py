"""Each row's own share of the mixture."""

from dataclasses import dataclass, field

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.names import RATIO, listed
from sweeper.laws.tables.raw import RawTable
from sweeper.laws.tables.roles import DOMAIN, GENERAL, Roles

_TOLERANCE = 0.02
"""Token-exact mixtures differ from the asked share by a block, and printed shares are rounded."""


@dataclass
class Shares:
    """Mixtures of a table, one entry a row where an array."""

    domain_ratio: Floats
    own: Floats
    remainder: dict[str, float]
    """Each corpus' part of what the target leaves; corpora that are not here have the target's share."""
    notes: list[str] = field(default_factory=list)


def read_shares(raw: RawTable, roles: Roles, base: Bools) -> Shares:
    """Own shares from `ratio.NAME` columns, or from `domain_ratio` and the corpora's roles.

    Rows at tokens = 0 may leave their mixture out: the base model has none.

    Args:
        raw: The rows.
        roles: What each corpus is evaluated for.
        base: Which rows are at tokens = 0.

    Raises:
        LawError: there is no mixture, it is incomplete, or it is none.
    """
    ratios = {name.removeprefix(RATIO): raw.numbers(name) for name in raw.columns if name.startswith(RATIO)}
    corpus = raw.strings("corpus")
    if not ratios or list(ratios) == [roles.target]:
        column = RATIO + roles.target if ratios else "domain_ratio"
        return _from_domain_ratio(corpus, roles, _checked(raw, column, raw.numbers(column), base))
    if roles.target not in ratios:
        raise LawError(
            f"{RATIO}{roles.target}: the table has no such column; the target's share of the mixture is needed beside "
            f"{listed([RATIO + name for name in ratios])}"
        )
    ratios = {name: _checked(raw, RATIO + name, share, base) for name, share in ratios.items()}
    _check_sum(raw, ratios, base)
    return _from_ratios(corpus, roles, ratios, base, raw)


def _from_domain_ratio(corpus: Strings, roles: Roles, ratio: Floats) -> Shares:
    """A corpus of the role domain has the target's share, every other what it leaves."""
    general = [name for name, role in roles.of.items() if role != DOMAIN and name != roles.target]
    notes = []
    if len(general) > 1:
        notes.append(
            f"Only domain_ratio is known: the share of each of {listed(general)} is taken to be all that it leaves, "
            "1 - domain_ratio."
        )
    return Shares(ratio, np.where(np.isin(corpus, general), 1.0 - ratio, ratio), dict.fromkeys(general, 1.0), notes)


def _from_ratios(corpus: Strings, roles: Roles, ratios: dict[str, Floats], base: Bools, raw: RawTable) -> Shares:
    """Every corpus in the mixture has its own column; one that is in none has the share of its role."""
    ratio = ratios[roles.target]
    remainder, notes = _remainder(ratios, roles.target, base)
    own = np.zeros(len(corpus))
    for name, share in ratios.items():
        own = np.where(corpus == name, share, own)
    for role, share in ((GENERAL, 1.0 - ratio), (DOMAIN, ratio)):
        unmixed = [name for name, each in roles.of.items() if each == role and name not in ratios]
        if unmixed:
            own = np.where(np.isin(corpus, unmixed), share, own)
            remainder |= dict.fromkeys(unmixed, 1.0) if role == GENERAL else {}
            words = "all that domain_ratio leaves" if role == GENERAL else f"that of {roles.target}"
            notes.append(f"{listed(unmixed)}: in no mixture, of the role {role}; the share is taken to be {words}.")
    return Shares(ratio, own, remainder, notes + _disagreement(raw, ratio, roles.target, base))


def _disagreement(raw: RawTable, ratio: Floats, target: str, base: Bools) -> list[str]:
    given = raw.numbers("domain_ratio")
    other = ~base & ~np.isnan(given) & (np.abs(given - ratio) > _TOLERANCE)
    if not other.any():
        return []
    return [f"domain_ratio is not {RATIO}{target} in {int(other.sum())} rows; {RATIO}{target} is used."]


def _checked(raw: RawTable, name: str, share: Floats, base: Bools) -> Floats:
    """Shares within 0 and 1; 0 where the base model has none."""
    used = np.where(base, 0.0, share)
    check_shares(raw, name, used)
    return np.clip(used, 0.0, 1.0)


def check_shares(raw: RawTable, name: str, share: Floats) -> None:
    """Refuses the first value of a column that is no share.

    Raises:
        LawError: it is missing or not between 0 and 1; percentages are told from their values.
    """
    wrong = ~((share >= -1e-9) & (share <= 1 + 1e-9))
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        has = "has no value" if np.isnan(share[index]) else f"has {share[index]:g}"
        percent = np.all(np.nan_to_num(share) >= 0) and 1.5 < np.max(np.nan_to_num(share)) <= 100
        hint = "; the values look like percentages, so divide the column by 100" if percent else ""
        raise LawError(f"{name}: {raw.place(index)} {has}; a share is between 0 and 1{hint}")


def _check_sum(raw: RawTable, ratios: dict[str, Floats], base: Bools) -> None:
    total = np.sum(list(ratios.values()), axis=0)
    wrong = ~base & (np.abs(total - 1.0) > _TOLERANCE)
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        raise LawError(
            f"ratio.NAME: {raw.place(index)}: the shares of {listed(list(ratios))} sum to {total[index]:.4g}; the "
            "shares of a mixture sum to 1, so every corpus in it needs its column"
        )


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
        if part.size and np.max(np.abs(part - parts[name]) * left[use]) > _TOLERANCE:
            notes.append(
                f"{name}: its part of what {target} leaves differs between rows; a domain ratio alone does not say its "
                f"share, {parts[name]:.3g} of the rest is taken"
            )
    return parts, notes
