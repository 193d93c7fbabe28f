"""Every law of a fixed number of parameters by its name, as in `fit(law=...)`; the anchored law stands apart."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.forms.additive_share import AdditiveShare
from sweeper.laws.forms.blended_tokens import BlendedTokens
from sweeper.laws.forms.chinchilla import Chinchilla
from sweeper.laws.forms.cmr_ratio import CmrRatio
from sweeper.laws.forms.cmr_tokens import CmrTokens
from sweeper.laws.forms.cross_domain import CrossDomain, CrossDomainStart
from sweeper.laws.forms.data_constrained import DataConstrained
from sweeper.laws.forms.dcpt import DCpt, DCptRepeats
from sweeper.laws.forms.exponential_share import ExponentialShare
from sweeper.laws.forms.formula import FormulaLaw
from sweeper.laws.forms.law import Frame, Law
from sweeper.laws.forms.over_training import OverTraining
from sweeper.laws.forms.tuned_rate import TunedRate
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class Entry:
    """How to make a law, and what it asks of the table."""

    build: Callable[[Frame], Law]
    needs: tuple[str, ...]
    """Columns of `Points` that must be known in every row."""
    mixture: bool
    """Whether it speaks of the share of a mixture and of tokens, so that one fit covers a table of CPT runs."""


def _entry(law: type[FormulaLaw], *, mixture: bool = True) -> Entry:
    return Entry(law, law.needs, mixture)


LAWS: dict[str, Entry] = {
    "dcpt": _entry(DCpt),
    "dcpt-repeats": _entry(DCptRepeats),
    "additive-share": _entry(AdditiveShare),
    "exponential-share": _entry(ExponentialShare),
    "blended-tokens": _entry(BlendedTokens),
    "chinchilla": _entry(Chinchilla, mixture=False),
    "data-constrained": _entry(DataConstrained, mixture=False),
    "over-training": _entry(OverTraining, mixture=False),
    "cmr-tokens": _entry(CmrTokens, mixture=False),
    "cmr-ratio": _entry(CmrRatio, mixture=False),
}
"""Laws of a mixture first. Those that are none know no share, or no tokens: fit them to rows of one mixture or time."""
LAWS_APART: dict[str, Entry] = {
    "tuned-rate": _entry(TunedRate),
    "cross-domain": _entry(CrossDomain),
    "cross-domain-start": _entry(CrossDomainStart),
}
"""Laws over several methods or domains at once, which `fit_learning_rate` and `fit_cross_domain` fit, not `fit`."""
_EVERY = LAWS | LAWS_APART


def make_law(name: str, frame: Frame) -> Law:
    """The law of that name for data of that frame.

    Raises:
        LawError: there is no such law.
    """
    if name not in _EVERY:
        raise LawError(f"law: {name!r} is not known; there are {', '.join(_EVERY)}")
    return _EVERY[name].build(frame)


def missing_columns(name: str, points: Points) -> tuple[str, ...]:
    """Columns that the law needs and that are unknown in some row."""
    return tuple(column for column in _EVERY[name].needs if np.isnan(getattr(points, column)).any())
