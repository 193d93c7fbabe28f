"""Exports without Ray: trials run in this process."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sweeper.pipeline.export as room
from sweeper.errors import SweeperError
from sweeper.experiment import load_experiment
from sweeper.experiment.model import Experiment
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.pipeline.export import export, saved_model
from sweeper.pipeline.session import PhaseError
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.record import State
from sweeper.trials.store import TrialStore
from tests.cli.call import call
from tests.pipeline.small_experiment import write_corpora, write_experiment_file
from tests.trainers.tiny import CONFIG, LENGTH, Driver, write_corpus
from tests.trial_records import measurement, record
from trainers.loop import run_trial
from trainers.messages import Finished
from trainers.spec import CorpusRef, ModelRef, TrialSpec


class Watching:
    """Keeps the lines that a person would read."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


class Inline:
    """An executor that trains in this process."""

    trained: list[str]
    broken = False

    def __init__(self, _plan: object, _storage: str, observers: list[TrialObserver], _address: str | None) -> None:
        self._observers = observers

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, source: TrialSource, check: Callable[[], None]) -> None:
        while (asked := source.next()) is not None:
            type(self).trained.append(asked.id)
            end = run_trial(asked.spec, Driver())
            state: State = "completed" if isinstance(end, Finished) and not self.broken else "failed"
            asked.state, asked.finished = state, end if isinstance(end, Finished) else None
            for observer in self._observers:
                observer.trial_ended(asked)
            source.ended(asked)
        check()


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Inline]]:
    Inline.trained, Inline.broken = [], False
    monkeypatch.setattr(room, "Executor", Inline)
    yield Inline


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    write_corpora(tmp_path)
    return load_experiment(write_experiment_file(tmp_path))


@pytest.fixture
def spec(tmp_path: Path) -> TrialSpec:
    corpus = write_corpus(tmp_path / "packed", 1, {"train": 2010, "valid": 700, "test": 400})
    return TrialSpec.model_validate(
        {
            "role": "law",
            "model": ModelRef(name="random", config=CONFIG, fingerprint="r"),
            "method": "full",
            "learning_rate": 1e-3,
            "corpora": (CorpusRef(name="domain", path=str(corpus), fingerprint="d"),),
            "mixture": {"domain": 1.0},
            "max_tokens": 4 * 4 * LENGTH,
            "max_seq_length": LENGTH,
            "global_batch_size": 4,
            "seed": 0,
            "precision": "fp32",
        }
    )


def stored(output: Path, spec: TrialSpec, state: State = "completed") -> str:
    """A trial's id, whose record stands in the output folder."""
    TrialStore(Workspace(output).trials).save(record(spec, [measurement(256, 3.0, 4.0)], state))
    return spec.id


def test_a_trial_that_kept_no_model_is_trained_again_once(
    experiment: Experiment, spec: TrialSpec, inline: type[Inline], tmp_path: Path
) -> None:
    output, watching = tmp_path / "out", Watching()
    trial = stored(output, spec)
    first = export(experiment, output, watching, trial=trial)
    assert first.folder == output / "models" / trial
    assert (first.folder / "model.safetensors").is_file()
    assert (first.model.trial, first.model.dtype, first.trained_again) == (trial, "fp32", True)
    assert [loss.corpus for loss in first.model.losses] == ["domain"]
    assert f"trial {trial} has kept no such model: it is trained again, 256 tokens" in watching.lines
    again = export(experiment, output, Watching(), trial=trial)
    assert (again.folder, again.trained_again) == (first.folder, False)
    assert inline.trained == [trial]


def test_the_confirming_runs_model_serves_whoever_names_its_trial(
    experiment: Experiment, spec: TrialSpec, inline: type[Inline], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    trial = stored(output, spec)
    made = export(experiment, output, Watching(), trial=trial)
    made.folder.rename(output / "model")
    found = export(experiment, output, Watching(), trial=trial)
    assert (found.folder, found.trained_again) == (output / "model", False)


def test_another_type_of_weights_is_another_model(
    experiment: Experiment, spec: TrialSpec, inline: type[Inline], tmp_path: Path
) -> None:
    trial = stored(tmp_path / "out", spec)
    export(experiment, tmp_path / "out", Watching(), trial=trial)
    found = export(experiment, tmp_path / "out", Watching(), trial=trial, dtype="bf16")
    assert (found.model.dtype, found.trained_again) == ("bf16", True)
    assert export(experiment, tmp_path / "out", Watching(), trial=trial).model.dtype == "bf16"
    assert inline.trained == [trial, trial]


def test_a_copy_goes_where_it_is_asked_and_replaces_models_only(
    experiment: Experiment, spec: TrialSpec, inline: type[Inline], tmp_path: Path
) -> None:
    output, to = tmp_path / "out", tmp_path / "copy"
    trial = stored(output, spec)
    for _ in range(2):
        found = export(experiment, output, Watching(), trial=trial, to=to)
        assert found.folder == to
        assert saved_model(to) == saved_model(output / "models" / trial)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").touch()
    with pytest.raises(SweeperError, match=r"--to: .*letters holds something else"):
        export(experiment, output, Watching(), trial=trial, to=tmp_path / "letters")
    assert (tmp_path / "letters" / "a.txt").exists()


def test_a_training_that_fails_leaves_the_trials_record_as_it_was(
    experiment: Experiment, spec: TrialSpec, inline: type[Inline], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    trial = stored(output, spec)
    before = (output / "trials" / f"{trial}.json").read_bytes()
    inline.broken = True
    with pytest.raises(PhaseError, match=f"training {trial} again failed"):
        export(experiment, output, Watching(), trial=trial)
    assert (output / "trials" / f"{trial}.json").read_bytes() == before


def test_a_trial_that_is_not_there_or_did_not_end_well_is_named(
    experiment: Experiment, spec: TrialSpec, inline: type[Inline], tmp_path: Path
) -> None:
    with pytest.raises(SweeperError, match=r"no such trial in .*name one that completed"):
        export(experiment, tmp_path / "out", Watching(), trial="0123456789ab")
    trial = stored(tmp_path / "out", spec, "pruned")
    with pytest.raises(SweeperError, match=f"trial {trial} was pruned"):
        export(experiment, tmp_path / "out", Watching(), trial=trial)
    assert not inline.trained


def test_a_folder_with_another_trial_json_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "trial.json").write_text('{"trial": 3}', encoding="utf-8")
    assert saved_model(tmp_path) is None
    (tmp_path / "trial.json").write_text("no JSON", encoding="utf-8")
    assert saved_model(tmp_path) is None


def test_the_verb_says_where_the_model_is_and_what_it_measures(
    experiment: Experiment,
    spec: TrialSpec,
    inline: type[Inline],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    trial = stored(tmp_path / "out", spec)
    words = ["export", tmp_path / "experiment.yaml", "--output", tmp_path / "out", "--trial", trial]
    called = call(capsys, *words)
    assert called.code == 0
    folder = tmp_path / "out" / "models" / trial
    saved = saved_model(folder)
    assert saved is not None
    (loss,) = saved.losses
    assert called.out.splitlines() == [
        f"trial {trial} in fp32: {folder}",
        f"domain (valid): {loss.exported:.4f} nats as saved, {loss.trained:.4f} as trained",
    ]
    as_object = call(capsys, *words, "--json").json
    assert as_object["folder"] == str(folder)
    assert as_object["losses"] == json.loads((folder / "trial.json").read_text())["exported"]["losses"]
