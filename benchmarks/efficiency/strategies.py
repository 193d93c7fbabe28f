"""The strategies that are compared, by name."""

from benchmarks.efficiency.ours import ours
from benchmarks.efficiency.peer_dcpt import dcpt_design, suits
from benchmarks.efficiency.peer_hyperband import hyperband
from benchmarks.efficiency.peer_ray import optuna_asha
from benchmarks.efficiency.plain import grid, random
from benchmarks.efficiency.problem import Strategy, TableProblem

OURS = "ours"
STRATEGIES: dict[str, Strategy] = {
    OURS: ours,
    "grid": grid,
    "random": random,
    "optuna_asha": optuna_asha,
    "hyperband": hyperband,
    "dcpt_design": dcpt_design,
}


def applies(name: str, problem: TableProblem) -> bool:
    """Whether a strategy can be used on a problem."""
    return name != "dcpt_design" or suits(problem)
