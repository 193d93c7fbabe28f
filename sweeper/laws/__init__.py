"""Laws of loss for continual pre-training: fit, predict, recommend; on numpy and scipy alone."""

from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import Candidate, Parameter, held_out_nats
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.cross_domain import fit_cross_domain
from sweeper.laws.fits.describe import warnings_of
from sweeper.laws.fits.fitting import LAW_NAMES, fit
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.nearest import nearest_measured
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.fits.tuned_rate import fit_learning_rate
from sweeper.laws.forms.anchored import Anchored
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.tables.columns import table_from_columns
from sweeper.laws.tables.table import Table
from sweeper.laws.uses.compute import recommend_compute
from sweeper.laws.uses.critical_ratio import CriticalPoint, CriticalRatio, critical_ratio
from sweeper.laws.uses.limited_domain import recommend_limited_domain
from sweeper.laws.uses.recommendation import Recommendation
from sweeper.laws.uses.tradeoff import recommend_tradeoff

__all__ = [
    "LAW_NAMES",
    "Anchored",
    "Candidate",
    "CorpusFit",
    "CriticalPoint",
    "CriticalRatio",
    "DCpt",
    "LawError",
    "LawSet",
    "Parameter",
    "Prediction",
    "Recommendation",
    "Table",
    "critical_ratio",
    "fit",
    "fit_cross_domain",
    "fit_learning_rate",
    "held_out_nats",
    "nearest_measured",
    "recommend_compute",
    "recommend_limited_domain",
    "recommend_tradeoff",
    "table_from_columns",
    "warnings_of",
]
