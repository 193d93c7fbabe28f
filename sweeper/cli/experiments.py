"""The verbs that take an experiment file."""

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cli.top import print_json
from sweeper.experiment import Experiment, load_experiment, warnings

if TYPE_CHECKING:
    from sweeper.corpora.prepare import FoundCorpus

_FORMAT = "%(asctime)s %(name)s: %(message)s"


def init_verb(arguments: argparse.Namespace) -> int:
    """Write an experiment file."""
    from sweeper.experiment import write_experiment

    path = write_experiment(
        model=arguments.model,
        general=arguments.general,
        domain=arguments.domain,
        tokens=arguments.tokens,
        name=arguments.name,
        output=arguments.output,
    )
    if arguments.json:
        print_json({"experiment": str(path)})
    else:
        print(f"wrote {path}; look it through, then: python -m sweeper plan {path}")
    return 0


def run_verb(arguments: argparse.Namespace) -> int:
    """Everything."""
    from sweeper.cli.display import Display
    from sweeper.pipeline.run import run

    experiment, output = read_experiment(arguments)
    with log_to(output), Display(experiment.target, quiet=arguments.json) as display:
        for warning in warnings(experiment):
            display.say(f"note: {warning}")
        outcome = run(
            experiment,
            output,
            display,
            address=arguments.address,
            confirming=not arguments.no_confirm,
            report_anew=arguments.report_anew,
        )
    if arguments.json:
        print_json(outcome.to_dict())
        return 0
    counts, answer = outcome.counts, outcome.answer
    print("", answer.sentence(), *answer.lines(), sep="\n")
    if answer.trust:
        print("", "Do not trust this yet:", *(f"- {word}" for word in answer.trust), sep="\n")
    print(f"\ncomputed {counts.computed}, reused {len(counts.reused)}, failed {counts.failed}")
    print(f"report: {outcome.workspace.report}")
    if outcome.ui_command:
        print(f"compare trials: {outcome.ui_command}")
    return 0


def prepare_verb(arguments: argparse.Namespace) -> int:
    """Pack the corpora."""
    from sweeper.cli.display import Display
    from sweeper.pipeline.run import prepare_inputs
    from sweeper.pipeline.workspace import Workspace

    experiment, output = read_experiment(arguments)
    workspace = Workspace(output, storage=experiment.resources.storage)
    with Display(experiment.target, quiet=arguments.json) as display:
        inputs = prepare_inputs(experiment, workspace, display, arguments.address)
    if arguments.json:
        print_json({"corpora": [_packed(corpus) for corpus in inputs.found.values()]})
    return 0


def plan_verb(arguments: argparse.Namespace) -> int:
    """Say what a run would do."""
    from sweeper.cli.planned import plan_dict, plan_lines
    from sweeper.lanes.cluster import expected_lanes
    from sweeper.pipeline.costs import find_costs
    from sweeper.pipeline.lanes import target_plan
    from sweeper.pipeline.least_budget import refuse_too_little
    from sweeper.pipeline.plan import make_plan
    from sweeper.pipeline.precision import choose_precision
    from sweeper.pipeline.prepare import look
    from sweeper.pipeline.spending import open_spending
    from sweeper.pipeline.warm import earlier_runs
    from sweeper.pipeline.workspace import Workspace
    from sweeper.trials.store import TrialStore

    experiment, output = read_experiment(arguments)
    workspace = Workspace(output, storage=experiment.resources.storage)
    earlier_runs(experiment, workspace)  # those of `search.warm_start` that are wrong are refused
    inputs = look(experiment, workspace, choose_precision(experiment, None))
    asked = target_plan(experiment)
    lanes, gpu = expected_lanes(asked)
    store = TrialStore(workspace.trials)
    spending = open_spending(experiment, inputs, store, workspace.spent)
    if spending:
        refuse_too_little(spending)
    costs = find_costs(experiment, inputs, asked.num_workers, gpu)
    plan = make_plan(experiment, inputs, store, lanes, gpu)
    notes = list(warnings(experiment))
    if arguments.json:
        print_json({**plan_dict(plan, inputs, costs, spending), "notes": notes})
    else:
        print(*plan_lines(plan, inputs, costs, spending), *(f"note: {note}" for note in notes), sep="\n")
    return 0


def report_verb(arguments: argparse.Namespace) -> int:
    """Write the report again; whatever it needs that is missing is computed."""
    arguments.report_anew = True
    return run_verb(arguments)


def _packed(corpus: "FoundCorpus") -> dict[str, Any]:
    counts = corpus.prepared.counts if corpus.prepared else {}
    return {
        "name": corpus.name,
        "path": str(corpus.path),
        "fingerprint": corpus.fingerprint,
        "counts": {split: asdict(count) for split, count in counts.items()},
    }


def read_experiment(arguments: argparse.Namespace) -> tuple[Experiment, Path]:
    """The experiment, and its output folder."""
    experiment = load_experiment(arguments.experiment)
    return experiment, arguments.output or Path("runs") / experiment.name


class _Log(logging.FileHandler):
    """On a full disk a line of the log is missing, and no traceback stands between what the user reads."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: what matters is said by whoever writes results."""


@contextlib.contextmanager
def log_to(output: Path) -> Iterator[None]:
    """Keep a log; what libraries print goes there too (Ray prints its warnings), so that standard output stays ours."""
    output.mkdir(parents=True, exist_ok=True)
    handler = _Log(output / "run.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.setLevel(logging.INFO)
    logger = logging.getLogger("sweeper")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    logger.info("python -m sweeper %s", " ".join(sys.argv[1:]))
    try:
        with contextlib.redirect_stdout(handler.stream):
            yield
    finally:
        logger.removeHandler(handler)
        handler.close()
