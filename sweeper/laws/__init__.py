"""Laws of loss for continual pre-training: fit, predict, recommend. Needs numpy; imports nothing else of ours."""

from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import Candidate, Parameter
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.fitting import fit
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.nearest import nearest_measured
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.forms.anchored import Anchored
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.tables.columns import table_from_columns
from sweeper.laws.tables.table import Table
from sweeper.laws.uses.recommend import Recommendation, recommend_tradeoff

__all__ = [
    "Anchored",
    "Candidate",
    "CorpusFit",
    "DCpt",
    "LawError",
    "LawSet",
    "Parameter",
    "Prediction",
    "Recommendation",
    "Table",
    "fit",
    "nearest_measured",
    "recommend_tradeoff",
    "table_from_columns",
]
