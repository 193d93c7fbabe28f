"""The experiment file: what it may say, how it is read, and what it says when something is wrong."""

from sweeper.experiment.advice import warnings
from sweeper.experiment.distributions import Categorical, Distribution, Float, Int, Parameter
from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.init import write_experiment
from sweeper.experiment.loading import load_experiment, parse_experiment
from sweeper.experiment.model import Experiment
from sweeper.experiment.quantities import format_bytes, format_tokens, parse_bytes, parse_tokens

__all__ = [
    "Categorical",
    "Distribution",
    "Experiment",
    "ExperimentError",
    "Float",
    "Int",
    "Parameter",
    "format_bytes",
    "format_tokens",
    "load_experiment",
    "parse_bytes",
    "parse_experiment",
    "parse_tokens",
    "warnings",
    "write_experiment",
]
