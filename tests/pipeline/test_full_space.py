"""An experiment that searches everything goes through search, compare, rate checks and law, on lanes of no time."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.experiment import parse_experiment
from sweeper.pipeline.compare import compare
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.law import check_rates, measure_law
from sweeper.pipeline.search import search
from sweeper.pipeline.session import Session
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from tests.experiment.full_space import full_space
from tests.pipeline.made_up import factory
from tests.pipeline.test_session import InstantLanes, losses
from tests.trial_records import corpus_loss, finished, measurement
from trainers.messages import CorpusLoss, Measurement

ASKED = parse_experiment(full_space())


def trains(record: TrialRecord) -> None:
    """The small model, a third corpus and a batch of four are best."""
    spec = record.spec
    loss = (
        3.0
        + 0.2 * (spec.model.name != "builtin:tiny-s")
        + 0.01 * spec.global_batch_size
        - 0.1 * spec.mixture.get("law", 0)
    )
    losses = tuple(corpus_loss(name, [(loss * 10, 10), (loss * 9, 9)]) for name in ASKED.corpora)
    record.state, record.finished = "completed", finished(tokens=spec.max_tokens)
    record.measurements = [measured(spec.max_tokens, losses)]


def measured(tokens: int, losses: tuple[CorpusLoss, ...]) -> Measurement:
    return measurement(tokens, 3.0, 3.0).model_copy(update={"losses": losses})


def session(folder: Path) -> Session:
    store, lanes = TrialStore(folder / "trials"), InstantLanes(trains)
    return Session(ASKED, Workspace(folder), store, lanes, Counts(), [].append)  # type: ignore[arg-type]


def test_what_the_search_found_is_what_later_phases_train(tmp_path: Path) -> None:
    asked, build = session(tmp_path), factory(ASKED)
    found = search(asked, build, losses())
    first = found.records[0].spec
    assert (first.model.name, first.method, first.learning_rate) == ("builtin:tiny-m", "full", 1e-3)
    assert found.records[1].spec.mixture == pytest.approx({"general": 0.5, "code": 0.3, "law": 0.15, "books": 0.05})
    best = min(found.records, key=lambda record: record.last.loss("code")).spec  # type: ignore[union-attr]
    assert found.best.base_model == best.model.name == "builtin:tiny-s"
    assert found.best.recipe.global_batch_size == best.global_batch_size

    later = replace(build, adapted=found.base_model)
    comparison = compare(asked, later, losses(), found)
    rates = check_rates(asked, later, losses(), found, comparison)
    assert set(rates) == set(ASKED.base_models)
    recipe = comparison.setting.recipe
    for record in measure_law(asked, later, comparison, rates):
        spec = record.spec
        assert (spec.global_batch_size, spec.schedule.type) == (recipe.global_batch_size, recipe.lr_scheduler_type)
        rest = 1.0 - spec.mixture.get("code", 0.0)
        assert recipe.composition is not None
        for name, part in recipe.composition.items():
            assert spec.mixture.get(name, 0.0) == pytest.approx(part * rest)


def test_a_second_run_takes_the_same_settings_and_trains_nothing(tmp_path: Path) -> None:
    first = session(tmp_path)
    found = search(first, factory(ASKED), losses())
    for record in first.used.values():
        first.store.save(record)
    again = session(tmp_path)
    assert search(again, factory(ASKED), losses()).settings == found.settings
    assert again.executor.given == []  # type: ignore[attr-defined]
