"""Earlier runs that a search is warmed by."""

from pathlib import Path

from sweeper.experiment.model import Experiment
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.session import Session
from sweeper.pipeline.specs import SpecFactory
from sweeper.pipeline.workspace import Workspace
from sweeper.search.earlier_runs import EarlierRuns, read_earlier
from sweeper.search.objective import Objective
from sweeper.search.prior_trials import Scale
from sweeper.search.warm_start import WarmStart


def earlier_runs(experiment: Experiment, workspace: Workspace) -> tuple[EarlierRuns, ...]:
    """What `search.warm_start` names.

    A search that has begun goes on without those that are gone: what they said is frozen in its study.

    Raises:
        WarmStartError: one of them does not exist, or says nothing about this search.
    """
    begun = workspace.study.is_file()
    paths = [path for path in map(Path, experiment.search.warm_start) if path.exists() or not begun]
    methods = experiment.search.space.methods
    return tuple(read_earlier(path, experiment.target, methods, workspace.output) for path in paths)


def warm_start(session: Session, factory: SpecFactory, losses: BaseLosses, objective: Objective) -> WarmStart | None:
    """What they give this search; None where none is named."""
    experiment, base = session.experiment, factory.target_model
    if not experiment.search.warm_start:
        return None
    scale = Scale(
        target=objective.target,
        constrained=objective.corpus,
        target_base=losses.loss(base, objective.target),
        constrained_base=losses.loss(base, objective.corpus),
        limit=objective.limit,
        tokens=float(experiment.search.max_tokens),
    )
    parameters = tuple(experiment.search.space.parameters(experiment.target))
    return WarmStart(earlier_runs(experiment, session.workspace), parameters, scale, float(losses.params(base)))
