"""The way Ray's guide "Hyperparameter Tuning with Ray Tune" (Ray Train V2) joins the two: a `TorchTrainer` a trial.

A Tune function starts a Ray Train run, whose reports `TuneReportCallback` passes on to Tune; source:
https://docs.ray.io/en/latest/train/user-guides/hyperparameter-optimization.html
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.tiny_trials import run_stamped
from sweeper.lanes import cluster
from trainers.messages import CONTINUE, Measurement, Message, Verdict
from trainers.spec import TrialSpec


def train_loop_per_worker(config: dict[str, Any]) -> None:
    """One trial on one rank; its measurements go to Ray Train."""
    import ray.train
    import torch

    torch.set_num_threads(1)
    spec = TrialSpec.model_validate_json(config["spec"])
    others = None
    if ray.train.get_context().get_world_rank() > 0:
        # `ray.train.report` is a barrier of all ranks, and only rank 0 has measurements: the others answer beside it.
        others = threading.Thread(target=_report_along, args=(len(spec.evaluate_at) + 1,))
        others.start()
    run_stamped(spec, _report)
    if others is not None:
        others.join()


def _report(message: Message) -> Verdict:
    import ray.train

    if isinstance(message, Measurement):
        ray.train.report({"loss": message.losses[0].loss, "tokens": message.tokens})
    return CONTINUE


def _report_along(times: int) -> None:
    import ray.train

    for _ in range(times):
        ray.train.report({})


def run_phase(specs: Sequence[TrialSpec], slots: int, workers: int, storage: str) -> dict[str, float]:
    """Run trials under one Tuner, `slots` at a time; returns when Tune took each for ended, by trial; Unix time.

    Raises:
        RuntimeError: a trial failed.
    """
    from ray import tune

    ended: dict[str, float] = {}

    class Ends(tune.Callback):  # type: ignore[misc]  # Ray has no types
        """Notes when Tune takes a trial for complete."""

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            """One trial has ended."""
            ended[TrialSpec.model_validate_json(trial.config["spec"]).id] = time.time()

    def train_driver(config: dict[str, Any]) -> None:
        """Starts a worker group for one trial."""
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer
        from ray.tune.integration.ray_train import TuneReportCallback

        TorchTrainer(
            train_loop_per_worker,
            train_loop_config=config,
            scaling_config=ScalingConfig(num_workers=workers, resources_per_worker={"CPU": 1}),
            run_config=RunConfig(
                name=f"train-{tune.get_context().get_trial_id()}",
                storage_path=storage,
                callbacks=[TuneReportCallback()],
            ),
        ).fit()

    results = tune.Tuner(
        tune.with_resources(train_driver, {"CPU": 0, cluster.HEAD: 0.001}),
        param_space={"spec": tune.grid_search([spec.model_dump_json() for spec in specs])},
        tune_config=tune.TuneConfig(max_concurrent_trials=slots),
        run_config=tune.RunConfig(storage_path=storage, verbose=0, callbacks=[Ends()]),
    ).fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials of the documented pattern failed: {results.errors[0]}")
    return ended
