"""The whole search on lanes that train at once."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.search import Found, search
from sweeper.pipeline.search_page import search_panels, search_tables
from sweeper.pipeline.warm import earlier_runs
from sweeper.search.errors import WarmStartError
from sweeper.search.objective import Objective
from sweeper.trials.record import TrialRecord
from tests.pipeline.made_up import experiment, factory
from tests.pipeline.test_session import losses, session
from tests.search.earlier_tables import write_run
from tests.trial_records import finished, measurement
from trainers.tokens.mixture import Mixture

OBJECTIVE = Objective("code", "general", 3.09, 5.0)


def train(record: TrialRecord) -> None:
    """Best at a learning rate of 1e-3; more of the target forgets more."""
    spec = record.spec
    code = 3.5 + 0.1 * math.log(spec.learning_rate / 1e-3) ** 2 - 0.2 * spec.mixture["code"]
    record.measurements = [measurement(spec.max_tokens, 3.0 + 0.2 * spec.mixture["code"], code)]
    record.state, record.finished = "completed", finished(1000, spec.max_tokens)


def searched(folder: Path, said: list[str] | None = None, **changes: Any) -> Found:
    asked = experiment(**changes)
    given = session(folder, train, said)
    given.experiment = asked
    found = search(given, factory(asked), _losses())
    for record in found.records:
        given.store.save(record)
    return found


def _losses() -> BaseLosses:
    known = losses()
    for record in known.records.values():
        record.finished = finished(1000, 0)
    return known


def test_a_search_has_its_front_and_says_how_sure_its_best_is(tmp_path: Path) -> None:
    found = searched(tmp_path)
    assert found.front is not None and found.front.names == ("target_loss", "constraint_loss")
    assert 1 < len(found.front.trials) <= 12 and found.front.hypervolume > 0
    assert found.front.reference == pytest.approx((4.0, 1.1 * 3.0))
    assert found.leads[0].what == "best against runner-up"
    assert json.loads(json.dumps(found.to_dict()))["front"]["hypervolume"] == found.front.hypervolume


def test_the_report_shows_the_front_and_the_differences(tmp_path: Path) -> None:
    found = searched(tmp_path)
    [panel] = search_panels(found, OBJECTIVE)
    assert panel.limits[0].value == 3.09 and [c.name for c in panel.curves] == ["trials", "front"]
    sure, front = search_tables(found, OBJECTIVE)
    assert "±" in str(sure.rows[0][3]) and "Hypervolume" in front.note and "code loss 4.0000" in front.note


def test_a_pareto_search_tells_all_objectives_and_settles_on_one_setting_a_method(tmp_path: Path) -> None:
    found = searched(tmp_path, search__objectives="pareto", search__pruner="none")
    assert found.front is not None and found.front.names == ("target_loss", "constraint_loss", "flops")
    assert all(len(trial.values) == 3 for trial in found.study.trials())
    assert set(found.settings) == {"full", "qlora"}
    assert len(search_panels(found, OBJECTIVE)) == 2


def test_a_warm_search_says_where_it_begins_and_a_rerun_needs_the_earlier_run_no_more(tmp_path: Path) -> None:
    said: list[str] = []
    earlier = write_run(tmp_path / "earlier", methods=("full",), trials=6)
    found = searched(tmp_path / "now", said, search__warm_start=[str(earlier)])
    assert found.warm_start is not None and set(found.warm_start["learning_rates"]) == {"full"}
    assert any(line.startswith("warm start: full begins at learning rate") for line in said)
    assert len(found.study.trials()) == 12
    first = next(t for t in found.study.trials() if t.params["method"] == "full")
    rate = found.warm_start["learning_rates"]["full"]["rate"]
    assert first.params["learning_rate.full"] == pytest.approx(min(max(rate, 1e-4), 1e-2))
    shutil.rmtree(earlier)
    again = searched(tmp_path / "now", search__warm_start=[str(earlier)])
    assert again.warm_start == found.warm_start and len(again.study.trials()) == 12


def test_a_warm_start_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    given = session(tmp_path)
    asked = experiment(search__warm_start="/no/such/run")
    with pytest.raises(WarmStartError, match=r"search\.warm_start: /no/such/run does not exist"):
        earlier_runs(asked, given.workspace)


def test_all_trials_of_a_search_see_the_same_blocks_of_a_corpus_in_the_same_order(tmp_path: Path) -> None:
    specs = [record.spec for record in searched(tmp_path).records]
    sizes = {"code": 40, "general": 40}
    assert len({spec.mixture["code"] for spec in specs}) > 5 and len({spec.learning_rate for spec in specs}) > 5
    for corpus in sizes:
        read = [
            [block for name, block in map(mixture.block, range(len(mixture))) if name == corpus]
            for mixture in (Mixture(spec.seed, spec.mixture, sizes, 80) for spec in specs)
        ]
        longest = max(read, key=len)
        assert all(blocks == longest[: len(blocks)] for blocks in read)
