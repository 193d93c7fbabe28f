from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.experiment.pruners import NoPruner
from sweeper.experiment.samplers import Random
from sweeper.lanes.source import TrialSource
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.compare import compare
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.law import check_rates, design, measure_law
from sweeper.pipeline.search import Found
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.settings import Setting
from sweeper.pipeline.workspace import Workspace
from sweeper.search.study import Study
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from tests.pipeline.made_up import experiment, factory
from tests.trial_records import base_record, measurement
from trainers.spec import Method, TrialSpec

Train = Callable[[TrialRecord], None]
SETTINGS: dict[Method, Setting] = {
    "full": Setting("full", 1e-3, None, 0.4, 3.5),
    "qlora": Setting("qlora", 1e-2, 8, 0.5, 3.6),
}


class InstantLanes:
    """Trains at once, by a function, and remembers what it was given."""

    def __init__(self, train: Train) -> None:
        self.given: list[str] = []
        self._train = train

    def run(self, source: TrialSource, check: Callable[[], None]) -> None:
        while (record := source.next()) is not None:
            self.given.append(record.id)
            self._train(record)
            source.ended(record)
        check()


def completes(record: TrialRecord, code: float = 3.5) -> None:
    record.state, record.measurements = "completed", [measurement(record.spec.max_tokens, 3.0, code)]


def session(folder: Path, train: Train = completes, said: list[str] | None = None) -> Session:
    lanes = InstantLanes(train)
    say = [].append if said is None else said.append
    return Session(experiment(), Workspace(folder), TrialStore(folder / "trials"), lanes, Counts(), say)  # type: ignore[arg-type]


def given(asked: Session) -> list[str]:
    return asked.executor.given  # type: ignore[attr-defined, no-any-return]


def points(*ratios: float) -> list[TrialSpec]:
    made = factory(experiment())
    return [made.law("builtin:tiny-m", "full", 1e-3, None, ratio) for ratio in ratios]


def found(folder: Path) -> Found:
    asked = experiment()
    study = Study(
        folder / "study.log", "s", asked.search.space.parameters(),
        sampler=Random(), startup_trials=1, pruner=NoPruner(), rungs=(), max_tokens=400, seed=0,
    )  # fmt: skip
    return Found(study, [], SETTINGS)


def losses() -> BaseLosses:
    records: dict[tuple[str, Method], TrialRecord] = {}
    for base in experiment().base_models:
        records[base, "full"], records[base, "qlora"] = base_record(), base_record("qlora", general=3.1)
    return BaseLosses(records)


def test_finished_trials_are_not_run_again(tmp_path: Path) -> None:
    asked = session(tmp_path)
    asked.run(points(0.1, 0.5), "law")
    records = asked.run(points(0.1, 0.5, 0.9), "law")
    assert given(asked) == [spec.id for spec in points(0.1, 0.5, 0.9)]
    assert [record.id for record in records] == given(asked)


def test_the_next_process_takes_over_what_is_on_disk(tmp_path: Path) -> None:
    first = session(tmp_path)
    for record in first.run(points(0.1, 0.5), "law"):
        first.store.save(record)
    second = session(tmp_path)
    second.run(points(0.1, 0.5, 0.9), "law")
    assert given(second) == [points(0.9)[0].id]
    assert len(second.counts.reused) == 2


def test_a_spec_asked_for_twice_is_run_once(tmp_path: Path) -> None:
    asked = session(tmp_path)
    assert len(asked.run([*points(0.1), *points(0.1)], "law")) == 2
    assert len(given(asked)) == 1


@pytest.mark.parametrize(("reason", "times"), [("diverged: nan", 1), ("error: lost 3 times", 2), ("out_of_memory", 2)])
def test_only_a_failure_that_would_repeat_is_taken_for_a_result(reason: str, times: int, tmp_path: Path) -> None:
    def fails(record: TrialRecord) -> None:
        record.state, record.reason = "failed", reason

    asked = session(tmp_path, fails)
    for _ in range(2):
        asked.run(points(0.1), "law")
    assert len(given(asked)) == times


def test_a_trial_keeps_the_purpose_it_was_first_run_for(tmp_path: Path) -> None:
    asked = session(tmp_path)
    asked.run(points(0.1), "compare")
    assert asked.run(points(0.1), "law")[0].labels == {"purpose": "compare"}


def test_a_failure_that_others_stand_on_is_told_with_its_reason(tmp_path: Path) -> None:
    def fails(record: TrialRecord) -> None:
        record.state, record.reason = "failed", "error: Traceback\n  deep\nValueError: no such tensor\n"
        record.reproduce = "python -m trainers train spec.json"

    asked = session(tmp_path, fails)
    records = asked.run(points(0.1), "law")
    with pytest.raises(
        PhaseError, match=rf"measuring failed \({records[0].id}: ValueError: no such tensor\)"
    ) as raised:
        asked.require(records, "measuring")
    assert str(raised.value).endswith("shown by: python -m trainers train spec.json")


def test_methods_are_compared_on_one_ratio_with_the_same_seeds(tmp_path: Path) -> None:
    def train(record: TrialRecord) -> None:
        completes(record, code=3.5 if record.spec.method == "qlora" else 3.6)

    asked = session(tmp_path, train)
    comparison = compare(asked, factory(experiment()), losses(), found(tmp_path))
    assert comparison.ratio == 0.33
    assert {m: [r.spec.seed for r in group] for m, group in comparison.records.items()} == {
        "full": [0, 1], "qlora": [0, 1],
    }  # fmt: skip
    assert all(r.spec.mixture["code"] == 0.33 for group in comparison.records.values() for r in group)
    assert comparison.chosen == "qlora"
    assert comparison.differences["full"]["code"].difference == pytest.approx(0.1)


def test_the_choice_of_method_stays_when_later_runs_would_choose_otherwise(tmp_path: Path) -> None:
    compare(session(tmp_path / "a"), factory(experiment()), losses(), found(tmp_path))

    def worse(record: TrialRecord) -> None:
        completes(record, code=9.0 if record.spec.method == "full" else 3.0)

    again = compare(session(tmp_path / "b", worse), factory(experiment()), losses(), found(tmp_path))
    assert again.chosen == "full"


def test_a_chosen_method_that_can_no_longer_be_trained_is_said(tmp_path: Path) -> None:
    compare(session(tmp_path / "a"), factory(experiment()), losses(), found(tmp_path))

    def breaks(record: TrialRecord) -> None:
        completes(record)
        if record.spec.method == "full":
            record.state, record.reason = "failed", "diverged: nan"

    with pytest.raises(PhaseError, match="full, chosen by an earlier run"):
        compare(session(tmp_path / "b", breaks), factory(experiment()), losses(), found(tmp_path))


def test_smaller_models_get_the_best_of_three_rates_and_keep_it(tmp_path: Path) -> None:
    def train(record: TrialRecord) -> None:
        completes(record, code=3.0 if record.spec.learning_rate == 2e-3 else 3.5)

    def rates(where: str, train: Train) -> dict[str, float]:
        asked, made = session(tmp_path / where, train), factory(experiment())
        at = found(tmp_path)
        return check_rates(asked, made, losses(), at, compare(asked, made, losses(), at))

    assert rates("a", train) == {"builtin:tiny-m": 1e-3, "builtin:tiny-s": 2e-3}
    assert rates("b", completes) == {"builtin:tiny-m": 1e-3, "builtin:tiny-s": 2e-3}


def test_the_design_has_every_ratio_on_every_base_once_and_the_replicate(tmp_path: Path) -> None:
    asked, made = session(tmp_path), factory(experiment())
    comparison = compare(asked, made, losses(), found(tmp_path))
    specs = design(asked, made, comparison, {"builtin:tiny-m": 1e-3, "builtin:tiny-s": 2e-3})
    assert len({spec.id for spec in specs}) == len(specs) == 2 * 5 + 1
    assert [spec.model.name for spec in specs] == ["builtin:tiny-m"] * 6 + ["builtin:tiny-s"] * 5
    assert {spec.learning_rate for spec in specs if spec.model.name == "builtin:tiny-s"} == {2e-3}
    assert sorted(spec.seed for spec in specs) == [0] * 10 + [1]
    assert not any(spec.rungs for spec in specs)
    before = len(given(asked))
    measure_law(asked, made, comparison, {"builtin:tiny-m": 1e-3, "builtin:tiny-s": 2e-3})
    assert len(given(asked)) - before == 11 - 2  # the comparison has run the point and its replicate


def test_a_law_trial_that_failed_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    asked, made = session(tmp_path, said=said), factory(experiment())
    comparison = compare(asked, made, losses(), found(tmp_path))

    def fails(record: TrialRecord) -> None:
        record.state, record.reason = "failed", "diverged: loss is nan"

    asked.executor._train = fails  # type: ignore[attr-defined]
    measure_law(asked, made, comparison, {"builtin:tiny-m": 1e-3, "builtin:tiny-s": 2e-3})
    assert len(said) == 9
    assert said[0].endswith("failed and is left out: diverged: loss is nan")


def test_base_losses_are_those_that_the_method_sees() -> None:
    known = losses()
    assert known.loss("builtin:tiny-m", "general") == pytest.approx(3.0)
    assert known.loss("builtin:tiny-m", "general", "lora") == pytest.approx(3.0)
    assert known.loss("builtin:tiny-m", "general", "qlora") == pytest.approx(3.1)
    assert known.params("builtin:tiny-m") == 1000
