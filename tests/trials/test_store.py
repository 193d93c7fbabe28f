"""Trial records survive the process that wrote them."""

from pathlib import Path

import pytest

from sweeper.errors import SweeperError
from sweeper.trials.store import TrialStore
from tests.trial_records import measurement, record, spec


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = record(spec(method="qlora"), [measurement(1024, 3.0, 2.5), measurement(2048, 3.1, 2.25)], purpose="law")
    written.attempts, written.reason = 2, "with ümlaut"
    TrialStore(tmp_path / "trials").save(written)
    assert list(TrialStore(tmp_path / "trials")) == [written]


def test_trials_come_by_their_start(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    for seed, started in ((1, 30.0), (2, 10.0), (3, 20.0)):
        trial = store.record(spec(seed=seed))
        trial.started_at = started
        store.save(trial)
    assert [trial.spec.seed for trial in TrialStore(tmp_path)] == [2, 3, 1]


def test_a_known_spec_gives_its_record_with_todays_paths(tmp_path: Path) -> None:
    first = spec(checkpoint_path="/old")
    TrialStore(tmp_path).save(record(first, [measurement(1024, 3.0, 2.5)], purpose="law"))
    again = TrialStore(tmp_path).record(spec(checkpoint_path="/new"), note="again")
    assert [m.tokens for m in again.measurements] == [1024]
    assert again.spec.checkpoint_path == "/new"
    assert again.labels == {"purpose": "law", "note": "again"}


def test_one_spec_has_one_record(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    assert store.record(spec()) is store.record(spec())
    assert store.get(spec().id) is store.record(spec())
    assert store.get("unknown") is None


def test_another_seed_is_another_trial(tmp_path: Path) -> None:
    TrialStore(tmp_path).save(record(spec(seed=0), [measurement(1024, 3.0, 2.5)]))
    assert TrialStore(tmp_path).record(spec(seed=1)).measurements == []


def test_starts_measurements_and_ends_are_on_disk_at_once(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    trial = store.record(spec())

    def on_disk() -> tuple[str, int]:
        read = TrialStore(tmp_path).get(trial.id)
        assert read is not None
        return read.state, len(read.measurements)

    store.trial_started(trial)
    assert on_disk() == ("running", 0)
    trial.measurements.append(measurement(1024, 3.0, 2.5))
    store.measured(trial, trial.measurements[0])
    assert on_disk() == ("running", 1)
    trial.state = "completed"
    store.trial_ended(trial)
    assert on_disk() == ("completed", 1)


def test_what_a_killed_writer_left_is_ignored_and_the_old_record_stands(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    trial = store.record(spec())
    store.save(trial)
    (tmp_path / f"{trial.id}.partial").write_bytes(b'{"spec": {"ver')
    (read,) = TrialStore(tmp_path)
    assert read.id == trial.id
    store.save(trial)  # the next write is not in its way
    assert [path.name for path in tmp_path.iterdir()] == [f"{trial.id}.json"]


def test_a_record_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TrialStore(tmp_path)
    trial = store.record(spec())
    store.save(trial)
    before = (tmp_path / f"{trial.id}.json").read_bytes()
    trial.measurements.append(measurement(1024, 3.0, 2.5))

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save(trial)
    assert (tmp_path / f"{trial.id}.json").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not json", b'{"spec": 1}'])
def test_a_damaged_record_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0123456789ab.json").write_bytes(content)
    with pytest.raises(SweeperError, match=r"0123456789ab\.json: not a trial record .* move it away"):
        TrialStore(tmp_path)
