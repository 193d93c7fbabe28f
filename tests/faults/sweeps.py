"""A sweep of a few small trials as a user runs it, in a process of its own, and what it leaves behind."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from tests.pipeline.small_experiment import seed_tokenizer, small_experiment, write_corpora

ROOT = Path(__file__).parents[2]
PATIENCE = 400.0
"""Seconds for anything to come about on a busy machine."""
SPACE = {
    "method": {"choices": ["full"]},
    "learning_rate": {"choices": [1e-3, 3e-3]},
    "domain_ratio": {"choices": [0.5]},
}
EXPERIMENT = small_experiment(
    base_models=["builtin:tiny-s"],
    evaluation={"max_tokens": 256, "share": 1},
    search={"space": SPACE, "trials": 2, "max_tokens": "2k", "sampler": "grid", "pruner": "none"},
    resources={"lanes": 1, "use_gpu": False, "checkpoint_seconds": 0},
)
TRIALS = {"pre-training": 1, "base loss": 1, "search": 2, "compare": 2, "law": 2, "confirm": 1}
"""By purpose; the law's point at the compared ratio and its replicate are the comparison's."""


@dataclass
class Sweep:
    """An experiment in a folder, with corpora and a cache beside it."""

    folder: Path
    cache: Path
    address: str | None = None
    storage: Path | None = None
    """`resources.storage`, where nodes share one."""
    output: Path = field(init=False)
    prefix: tuple[str, ...] = ()
    """Words before the command."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.output = self.folder / "out"
        if not (self.folder / "general.jsonl").exists():
            write_corpora(self.folder)
        if not (self.cache / "tokenizers").exists():
            seed_tokenizer(self.cache)

    @property
    def shared(self) -> Path:
        """Where trials keep their checkpoints, and the harm that is done to them its traces."""
        return self.storage / self.output.name if self.storage else self.output

    def write(self, **changes: Any) -> None:
        """The experiment file; keyword arguments replace whole sections, but add to `resources`."""
        resources = EXPERIMENT["resources"] | changes.pop("resources", {})
        if self.storage:
            resources["storage"] = str(self.storage)
        text = yaml.safe_dump(EXPERIMENT | changes | {"resources": resources}, sort_keys=False)
        (self.folder / "experiment.yaml").write_text(text, encoding="utf-8")

    def harm(self, **faults: Any) -> None:
        """What happens to trials, by role: see `tests.faults.faulty_trials`."""
        self.shared.mkdir(parents=True, exist_ok=True)
        (self.shared / "faults.json").write_text(json.dumps(faults), encoding="utf-8")

    @property
    def command(self) -> list[str]:
        words = ["run", str(self.folder / "experiment.yaml"), "--output", str(self.output)]
        joined = ["--address", self.address] if self.address else []
        return [*self.prefix, sys.executable, "-m", "tests.faults.driver", *words, *joined]

    def begin(self) -> subprocess.Popen[str]:
        """The run in a process of its own; what it prints goes to `stdout.txt` and `stderr.txt`."""
        environment = os.environ | {"SWEEPER_CACHE": str(self.cache), "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = str(ROOT)
        with (self.folder / "stdout.txt").open("w") as out, (self.folder / "stderr.txt").open("a") as err:
            return subprocess.Popen(self.command, stdout=out, stderr=err, text=True, env=environment, cwd=self.folder)

    def run(self) -> int:
        """Begin and wait; returns the exit code."""
        process = self.begin()
        try:
            return process.wait(PATIENCE)
        finally:
            process.kill()

    @property
    def computed(self) -> int:
        """Trials that the last run computed, by its own word."""
        found = re.search(r"^computed (\d+), reused \d+, failed \d+$", (self.folder / "stdout.txt").read_text(), re.M)
        assert found
        return int(found[1])

    @property
    def said(self) -> str:
        """What was printed on standard error, by all runs."""
        return (self.folder / "stderr.txt").read_text()

    def records(self) -> list[TrialRecord]:
        """The trials on disk, as another process sees them."""
        return list(TrialStore(self.output / "trials"))

    def wait_for(self, process: subprocess.Popen[str], seen: Callable[[list[TrialRecord]], bool]) -> None:
        """Until the trials on disk are as asked."""
        deadline = time.monotonic() + PATIENCE
        while not seen(self.records()):
            assert process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def results(self) -> dict[str, Any]:
        """By trial: its state and its losses, for comparison with another sweep; the cache may spare a pre-training."""
        return {
            record.id: (record.state, [(m.tokens, [x.nll for x in m.losses]) for m in record.measurements])
            for record in self.records()
            if record.labels["purpose"] != "pre-training"
        }

    def mlflow_runs(self) -> list[Any]:
        """Every run of the store in the output folder."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{self.output / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("small")
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], max_results=1000))

    def assert_whole(self, reference: "Sweep") -> None:
        """The same trials, states and losses as in a sweep that nothing happened to, and nothing half written."""
        assert self.results() == reference.results()
        assert not [path for path in self.output.rglob("*") if "writing" in path.name or path.suffix == ".partial"]
        assert not list(self.shared.glob("checkpoints/*/*"))
        assert {run.info.status for run in self.mlflow_runs()} == {"FINISHED"}
        trials = [run.data.tags["sweeper.trial"] for run in self.mlflow_runs() if "sweeper.trial" in run.data.tags]
        assert sorted(trials) == sorted(record.id for record in self.records())


def of_role(records: list[TrialRecord], role: str, *states: str) -> list[TrialRecord]:
    """Trials of a role in one of the states."""
    return [record for record in records if record.spec.role == role and record.state in states]
