"""One experiment through everything: killed, finished, run again, changed, interrupted, finished again.

The folder's history is one story that the fixtures tell in order; each stands on the one before.
"""

import contextlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sweeper.__main__ import main
from sweeper.lanes.executor import Executor
from sweeper.measurements import read_table
from sweeper.measurements.columns import columns_for
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from tests.pipeline.small_experiment import seed_tokenizer, small_experiment, write_corpora, write_experiment_file

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
SPACE = {
    "method": {"choices": ["full", "qlora"]},
    "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
    "lora_r": {"choices": [4], "when": {"method": ["qlora"]}},
    "domain_ratio": {"low": 0.1, "high": 0.9},
}
SEARCH = {"space": SPACE, "trials": 4, "max_tokens": "4k", "startup_trials": 2}
# A second validation set of the domain: measured everywhere, mixed in nowhere, and so without a law.
SEEN = {"source": "domain.jsonl", "valid_fraction": 0.1, "weight": 0, "role": "domain"}
SOON = 30
"""Seconds. Both take 2 to 5 on an idle machine; a busy one is no fault of ours, waiting for something is."""
CORPORA = small_experiment()["corpora"] | {"seen": SEEN}
EVALUATION = {"max_tokens": 256, "share": 1}


@dataclass(frozen=True)
class Called:
    """One call of the command line in this process."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def answer(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it has to be."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def call(*words: str) -> Called:
    began = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(words)
    return Called(code, out.getvalue(), err.getvalue(), time.monotonic() - began)


@dataclass(frozen=True)
class Place:
    """Where the experiment is."""

    folder: Path
    address: str

    @property
    def output(self) -> Path:
        return self.folder / "out"

    @property
    def words(self) -> list[str]:
        return ["run", str(self.folder / "experiment.yaml"), "--output", str(self.output)]

    def records(self) -> list[TrialRecord]:
        """The trials on disk, as another process sees them."""
        return list(TrialStore(self.output / "trials"))

    def written(self) -> dict[str, int]:
        """When each file was last written, but for what is no result: the log, locks, Ray's own."""
        files = [file for file in self.output.rglob("*") if file.is_file() and file.name != "run.log"]
        names = {str(file.relative_to(self.output)): file for file in files}
        return {name: file.stat().st_mtime_ns for name, file in names.items() if not name.startswith(".")}

    def begin(self) -> subprocess.Popen[str]:
        """The run in a process of its own, on the shared cluster."""
        words = [sys.executable, "-m", "sweeper", *self.words, "--address", self.address]
        with (self.folder / "stderr.txt").open("w", encoding="utf-8") as errors:
            return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors, text=True)

    def wait_for(self, process: subprocess.Popen[str], seen: Callable[[list[TrialRecord]], bool]) -> None:
        """Until the trials on disk are as asked."""
        deadline = time.monotonic() + 240
        while not seen(self.records()):
            assert process.poll() is None, (self.folder / "stderr.txt").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "the run came to nothing"
            time.sleep(0.01)


def searched(records: list[TrialRecord], *states: str) -> list[TrialRecord]:
    return [r for r in records if r.labels.get("purpose") == "search" and r.state in states]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, local_ray: None) -> Iterator[Place]:
    import ray

    folder = tmp_path_factory.mktemp("experiment")
    write_corpora(folder)
    seed_tokenizer(folder / "cache")
    write_experiment_file(folder, corpora=CORPORA, evaluation=EVALUATION, search=SEARCH)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SWEEPER_CACHE", str(folder / "cache"))
        yield Place(folder, ray.get_runtime_context().gcs_address)


@dataclass(frozen=True)
class Killed:
    """What a driver that was killed in the middle of the search has left."""

    pid: int
    refused: Called
    """A second run that was tried meanwhile."""
    final: dict[str, int]
    """When each finished trial was written, by file."""
    search_done: int


@pytest.fixture(scope="module")
def killed(place: Place) -> Killed:
    process = place.begin()
    try:
        place.wait_for(process, lambda records: bool(records))
        refused = call(*place.words)
        place.wait_for(process, lambda records: bool(searched(records, "completed", "pruned")))
    finally:
        process.kill()
        process.wait()
    final = {f"{r.id}.json" for r in place.records() if r.state in ("completed", "pruned")}
    times = {file.name: file.stat().st_mtime_ns for file in (place.output / "trials").iterdir() if file.name in final}
    return Killed(process.pid, refused, times, len(searched(place.records(), "completed", "pruned")))


@pytest.fixture(scope="module")
def finished(place: Place, killed: Killed) -> Called:
    return call(*place.words, "--json")


@pytest.fixture(scope="module")
def again(place: Place, finished: Called) -> Called:
    def refuse(*_: object) -> None:
        raise AssertionError("a finished experiment started lanes")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "start", refuse)
        patch.setattr(Executor, "run", lambda self, source, check: None if source.exhausted() else refuse())
        before = place.written()
        called = call(*place.words, "--json")
        assert place.written() == before
    return called


@dataclass(frozen=True)
class Interrupted:
    """A changed experiment that the user has stopped with Ctrl-C."""

    code: int
    seconds: float
    err: str
    before: dict[str, TrialRecord]
    settings: str
    """What the study had settled, as text."""
    tracked: list[str]
    """What MLflow says of each run afterwards, the experiment's first."""


@pytest.fixture(scope="module")
def interrupted(place: Place, again: Called) -> Interrupted:
    before = {record.id: record for record in place.records()}
    law = small_experiment()["law"] | {"domain_ratio": [0.0, 0.25, 0.5, 1.0]}
    write_experiment_file(place.folder, corpora=CORPORA, evaluation=EVALUATION, search=SEARCH | {"trials": 5}, law=law)
    settings = str(again.answer["methods"]["settings"])
    process = place.begin()
    try:
        place.wait_for(process, lambda records: any(r.id not in before for r in records))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        seconds = time.monotonic() - began
    finally:
        process.kill()
    err = (place.folder / "stderr.txt").read_text(encoding="utf-8")
    runs = sorted(mlflow_runs(place), key=lambda run: "sweeper.trial" in run.data.tags)
    return Interrupted(code, seconds, err, before, settings, [run.info.status for run in runs])


@pytest.fixture(scope="module")
def changed(place: Place, interrupted: Interrupted) -> Called:
    return call(*place.words, "--json")


@pytest.fixture(scope="module")
def exported(place: Place, changed: Called) -> Called:
    """The verb after a finished run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Executor, "run", lambda self, source, check: None if source.exhausted() else pytest.fail("it trained")
        )
        return call("export", *place.words[1:], "--to", str(place.folder / "model"), "--json")


# Two on one folder, and a killed driver -------------------------------------------------------------------------------


def test_a_second_run_on_the_folder_is_refused_and_names_the_first(killed: Killed) -> None:
    assert killed.refused.code == 2
    assert f"in use by process {killed.pid}" in killed.refused.err


def test_the_driver_was_killed_in_the_middle_of_the_search(killed: Killed) -> None:
    assert 1 <= killed.search_done < SEARCH["trials"]  # type: ignore[operator]  # else the tests below prove nothing


def test_the_next_run_finishes_what_a_killed_one_began(finished: Called) -> None:
    assert finished.code == 0
    assert finished.answer["counts"]["failed"] == 0


def test_no_finished_trial_is_run_again(place: Place, killed: Killed, finished: Called) -> None:
    now = {f.name: f.stat().st_mtime_ns for f in (place.output / "trials").iterdir()}
    assert {name: now[name] for name in killed.final} == killed.final
    assert finished.answer["counts"]["reused"] >= len(killed.final)


def test_the_study_has_each_trial_once(place: Place, finished: Called) -> None:
    trials = study_trials(place)
    assert len(trials) == SEARCH["trials"]
    assert len({trial.user_attrs["trial"] for trial in trials}) == SEARCH["trials"]
    by_id = {record.id: record for record in place.records()}
    states = {"completed": "COMPLETE", "pruned": "PRUNED"}
    assert all(trial.state.name == states[by_id[trial.user_attrs["trial"]].state] for trial in trials)


def study_trials(place: Place) -> list[Any]:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(place.output / "study.log")))
    (summary,) = optuna.get_all_study_summaries(storage)
    trials = optuna.load_study(study_name=summary.study_name, storage=storage).trials
    return [trial for trial in trials if trial.state != optuna.trial.TrialState.WAITING]


# What a finished run leaves -------------------------------------------------------------------------------------------


def test_json_is_one_object_with_the_answer(place: Place, finished: Called) -> None:
    answer = finished.answer
    assert answer["output"] == str(place.output)
    assert set(answer["confirmation"]["corpora"]) == {"general", "domain"}
    assert set(answer["methods"]["settings"]) == {"full", "qlora"}
    assert 0.0 <= answer["recommendation"]["domain_ratio"] <= 1.0
    assert sum(answer["recommendation"]["mixture"].values()) == pytest.approx(1.0)
    assert answer["answer"].startswith("Mix ")


@pytest.mark.parametrize(
    "file",
    [
        "measurements.parquet", "measurements.csv", "document_losses.parquet", "study.log", "laws.json",
        "recommendation.json", "summary.json", "report.html", "run.log", "mlflow.db",
    ],
)  # fmt: skip
def test_the_folder_holds(file: str, place: Place, again: Called) -> None:
    assert (place.output / file).stat().st_size > 0


def test_every_column_of_the_contract_is_there_and_one_row_an_evaluation_and_corpus(
    place: Place, again: Called
) -> None:
    table = read_table(place.output)
    assert table.column_names == [column.name for column in columns_for(tuple(CORPORA))]
    rows = table.to_pylist()
    keys = [(row["trial"], row["tokens"], row["corpus"], row["split"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert {row["role"] for row in rows} == {"base", "search", "law", "confirm"}
    assert {row["role"] for row in rows if row["split"] == "test"} == {"base", "confirm"}
    assert all({row["corpus"] for row in rows if row["trial"] == trial} == set(CORPORA) for trial, *_ in keys)
    trained = [row for row in rows if row["role"] in ("law", "confirm")]
    assert all(row["base_loss"] > 0 and row["params"] > 0 and row["stderr"] > 0 for row in trained)
    assert all(row["ratio.domain"] == row["domain_ratio"] for row in trained)


def test_losses_of_documents_add_up_to_the_measured_loss(place: Place, again: Called) -> None:
    from pyarrow import parquet

    documents = parquet.read_table(place.output / "document_losses.parquet").to_pylist()
    row = next(row for row in read_table(place.output).to_pylist() if row["role"] == "confirm")
    key = ("trial", "tokens", "corpus", "split")
    own = [d for d in documents if all(d[name] == row[name] for name in key)]
    assert sum(d["nll"] for d in own) / sum(d["scored_tokens"] for d in own) == pytest.approx(row["loss"])


def test_training_on_the_domain_lowers_its_loss(place: Place, again: Called) -> None:
    rows = [r for r in read_table(place.output).to_pylist() if r["role"] == "law" and r["corpus"] == "domain"]
    last = {(r["params"], r["domain_ratio"]): r for r in sorted(rows, key=lambda r: r["tokens"])}
    for (_, ratio), row in last.items():
        if ratio == 1.0:
            assert row["loss"] < row["base_loss"] - 0.3


def test_the_confirming_run_has_its_own_seed(place: Place, again: Called) -> None:
    (confirming,) = [record.spec for record in place.records() if record.spec.role == "confirm"]
    assert confirming.seed not in {record.spec.seed for record in place.records() if record.id != confirming.id}


def test_mlflow_has_one_parent_and_one_child_a_trial(place: Place, again: Called) -> None:
    runs = mlflow_runs(place)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(parents) == 1
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert sorted(run.data.tags["sweeper.trial"] for run in children) == sorted(r.id for r in place.records())
    assert {run.info.status for run in runs} == {"FINISHED"}
    names = ("study", "trial", "role", "config_hash", "state", "reason")
    assert all(f"sweeper.{name}" in run.data.tags for run in children for name in names)
    law = [run for run in children if run.data.tags["sweeper.role"] == "law"]
    assert all(run.data.metrics["eval/domain/perplexity"] > 1 for run in law)


def mlflow_runs(place: Place) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{place.output / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], max_results=1000))


# Again, and changed ---------------------------------------------------------------------------------------------------


def test_a_finished_experiment_computes_nothing_and_writes_nothing(finished: Called, again: Called) -> None:
    assert again.code == 0
    assert again.seconds < SOON
    assert again.answer["counts"]["computed"] == 0
    assert {**again.answer, "counts": 0} == {**finished.answer, "counts": 0}
    counts = finished.answer["counts"]
    assert again.answer["counts"]["reused"] == counts["computed"] + counts["reused"]


def test_ctrl_c_ends_a_run_soon_and_says_how_to_continue(place: Place, interrupted: Interrupted) -> None:
    assert interrupted.code == 130
    assert interrupted.seconds < SOON
    assert f"Continue with: python -m sweeper {' '.join(place.words)}" in interrupted.err
    assert "Traceback" not in interrupted.err


def test_an_interrupted_run_is_killed_in_mlflow_too(interrupted: Interrupted) -> None:
    assert interrupted.tracked[0] == "KILLED"
    assert set(interrupted.tracked[1:]) <= {"FINISHED", "KILLED"}


def test_one_more_ratio_and_one_more_search_trial_compute_only_those(
    place: Place, interrupted: Interrupted, changed: Called
) -> None:
    assert changed.code == 0
    new = [record for record in place.records() if record.id not in interrupted.before]
    assert {record.state for record in new} <= {"completed", "pruned"}
    law = [record for record in new if record.spec.role == "law"]
    assert [record.spec.mixture["domain"] for record in law] == [0.25, 0.25]
    assert len(searched(new, "completed", "pruned")) == 1
    assert len(new) - len([record for record in new if record.spec.role == "confirm"]) == 3
    kept = {record.id: record.ended_at for record in place.records() if record.id in interrupted.before}
    assert kept == {name: record.ended_at for name, record in interrupted.before.items()}


def test_a_longer_search_leaves_the_laws_learning_rate_alone(interrupted: Interrupted, changed: Called) -> None:
    assert str(changed.answer["methods"]["settings"]) == interrupted.settings


def test_after_an_interrupt_nothing_is_left_running(place: Place, changed: Called) -> None:
    runs = mlflow_runs(place)
    assert {run.info.status for run in runs} == {"FINISHED"}
    trials = [run.data.tags["sweeper.trial"] for run in runs if "sweeper.trial" in run.data.tags]
    assert len(trials) == len(set(trials)) == len(place.records())
    assert not (place.output / ".owner").exists()


# Exported -------------------------------------------------------------------------------------------------------------


def test_the_confirming_runs_model_is_there_without_training_again(
    place: Place, changed: Called, exported: Called
) -> None:
    assert exported.code == 0
    assert exported.answer["trial"] == changed.answer["confirmation"]["trial"]
    assert not exported.answer["trained_again"]
    assert {(loss["corpus"], loss["split"]) for loss in exported.answer["losses"]} == {
        (corpus, split) for corpus in CORPORA for split in ("valid", "test")
    }
    assert exported.answer["losses"] == changed.answer["confirmation"]["exported"]["losses"]


def test_the_exported_model_is_loaded_with_its_tokeniser(place: Place, exported: Called) -> None:
    import transformers

    folder = place.folder / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer("kato", return_tensors="pt", add_special_tokens=False)
    assert model.generate(**prompt, max_new_tokens=4).shape[1] > prompt.input_ids.shape[1]
    assert str(place.folder) not in (folder / "README.md").read_text(encoding="utf-8")
