"""Which corpora are general text and which the target domain, and whose share `domain_ratio` is."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.tables.names import RATIO, listed, nearest, nearest_name
from sweeper.laws.tables.raw import RawTable

GENERAL, DOMAIN = "general", "domain"
_HOW = (
    "give each corpus its corpus_role, general or domain, or name the one whose share domain_ratio is (--domain NAME)"
)


@dataclass(frozen=True)
class Roles:
    """What each corpus is evaluated for."""

    target: str
    """The corpus that `domain_ratio` is the share of; it need not be measured."""
    of: dict[str, str]
    """`general`, `domain`, or empty where the table does not say, by corpus."""
    notes: list[str] = field(default_factory=list)


def read_roles(raw: RawTable, domain: str | None, wanted: Collection[str] | None = None) -> Roles:
    """Roles from `corpus_role`, from the name of the domain, or from the corpora's names where they leave no doubt.

    Args:
        raw: All rows, of every corpus.
        domain: The target, where it is named.
        wanted: The corpora that laws are fitted to, where not all: one of them is the target rather than another.

    Raises:
        LawError: a role is not known or contradicts another, or the target cannot be told.
    """
    of = _column(raw)
    mixed = [name.removeprefix(RATIO) for name in raw.columns if name.startswith(RATIO)]
    _check_mixed(of, mixed, domain)
    if domain is not None:
        return _named(of, domain, mixed)
    return _found(raw, of, mixed, wanted)


def _column(raw: RawTable) -> dict[str, str]:
    """The role of every corpus, in order of first appearance."""
    corpus, roles = raw.strings("corpus"), raw.strings("corpus_role")
    of: dict[str, str] = {}
    for index, (name, role) in enumerate(zip(corpus.tolist(), np.char.lower(roles).tolist(), strict=True)):
        if not name:
            raise LawError(f"corpus: {raw.place(index)} has no value; name the corpus whose loss it is")
        if role not in (GENERAL, DOMAIN, ""):
            raise LawError(
                f"corpus_role: {raw.place(index)} has {str(roles[index])!r}, allowed are general and domain (domain: "
                "its share is domain_ratio; general: its share is what domain_ratio leaves)"
            )
        if role and of.get(name, role) not in (role, ""):
            raise LawError(
                f"corpus_role: {raw.place(index)} makes {name!r} {role}, an earlier row {of[name]}; keep one"
            )
        of[name] = role or of.get(name, "")
    return of


def _check_mixed(of: dict[str, str], mixed: list[str], domain: str | None) -> None:
    """A share that belongs to no measured corpus may be misspelt, where a measured one has none."""
    bare = [name for name in of if name not in mixed]
    for name in mixed:
        if name not in of and name != domain and (meant := nearest(name, bare)):
            raise LawError(f"{RATIO}{name}: no row has the corpus {name!r}; did you mean {RATIO}{meant}? Rename it")


def _named(of: dict[str, str], domain: str, mixed: list[str]) -> Roles:
    if domain not in of and domain not in mixed and not all(role == GENERAL for role in of.values()):
        meant = nearest_name(domain, [*of, *mixed])
        hint = f"did you mean {meant!r}?" if meant else "name one of them, or give every corpus the corpus_role general"
        raise LawError(f"domain: the target {domain!r} is no corpus of the table; it has {listed(of)}; {hint}")
    notes = []
    if of.get(domain) == GENERAL:
        notes.append(f"{domain} is the target, as asked, although its corpus_role is general.")
    return Roles(domain, {**of, **({domain: DOMAIN} if domain in of else {})}, notes)


def _found(raw: RawTable, of: dict[str, str], mixed: list[str], wanted: Collection[str] | None) -> Roles:
    domains = [name for name, role in of.items() if role == DOMAIN and (name in mixed or not mixed)]
    if domains and not mixed:
        return _evaluated(of, [name for name in domains if wanted is None or name in wanted] or domains)
    others = domains or [name for name in mixed if of.get(name) != GENERAL]
    for names in (domains, _with_domain_ratio(raw, others), [] if domains else _by_elimination(of, mixed)):
        if len(names) == 1:
            return Roles(names[0], of)
    which = f"which of {listed(of)} is the target" if len(of) > 1 else f"whether {next(iter(of))} is the target domain"
    raise LawError(f"corpus_role: {which} is not clear; {_HOW}")


def _evaluated(of: dict[str, str], domains: list[str]) -> Roles:
    """Several corpora of the role domain are evaluations of one target share; one of them stands for it."""
    target = DOMAIN if DOMAIN in domains else domains[0]
    if len(domains) == 1:
        return Roles(target, of)
    return Roles(
        target,
        of,
        [
            f"{listed(domains)} have the role domain: domain_ratio is the share of each; {target} is the target unless "
            "another is named."
        ],
    )


def _with_domain_ratio(raw: RawTable, names: list[str]) -> list[str]:
    """Those whose share is `domain_ratio` in every row."""
    if "domain_ratio" not in raw.columns:
        return []
    ratio = raw.numbers("domain_ratio")
    return [n for n in names if np.allclose(raw.numbers(RATIO + n), ratio, atol=1e-6, equal_nan=True)]


def _by_elimination(of: dict[str, str], mixed: list[str]) -> list[str]:
    """The corpora that are not general, by role or by name; `domain` where all measured ones are general."""
    names = mixed or list(of)
    if DOMAIN in names:
        return [DOMAIN]
    others = [name for name in names if of.get(name) != GENERAL and name != GENERAL]
    if len(others) == len(names) and not (mixed and len(names) == 1):
        return []
    return others if others or mixed else [DOMAIN]
