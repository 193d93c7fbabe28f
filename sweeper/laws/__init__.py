"""Laws of loss for continual pre-training: fit, predict, recommend. Needs numpy; imports nothing else of ours."""

from sweeper.laws.anchored import Anchored
from sweeper.laws.candidate import Candidate, Parameter
from sweeper.laws.columns import table_from_columns
from sweeper.laws.corpus_fit import CorpusFit
from sweeper.laws.dcpt import DCpt
from sweeper.laws.errors import LawError
from sweeper.laws.fitting import fit
from sweeper.laws.lawset import LawSet
from sweeper.laws.nearest import nearest_measured
from sweeper.laws.prediction import Prediction
from sweeper.laws.recommend import Recommendation, recommend_tradeoff
from sweeper.laws.table import Table

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
