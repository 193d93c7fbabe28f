"""Several objectives at once, through the study."""

from pathlib import Path

import pytest

from sweeper.experiment.pruners import NoPruner
from sweeper.experiment.samplers import Gp, Sampler, Tpe
from sweeper.search.objective import Name
from sweeper.search.source import SearchTrials
from sweeper.search.study import Study
from tests.search.searched import OBJECTIVE, SPACE, measured, record_of
from tests.trial_records import finished
from trainers.messages import CONTINUE


@pytest.mark.parametrize(
    ("sampler", "names", "constrained"),
    [
        (Tpe(), ("target_loss", "constraint_loss", "flops"), False),
        (Tpe(), ("target_loss", "tokens"), True),
        (Gp(n_startup_trials=3), ("target_loss", "constraint_loss"), False),
    ],
)
def test_every_objective_is_told_and_the_constraint_only_where_its_loss_is_none(
    tmp_path: Path, sampler: Sampler, names: tuple[Name, ...], constrained: bool
) -> None:
    study = Study(
        tmp_path / "study.log", "s", SPACE, sampler=sampler, startup_trials=3, pruner=NoPruner(), rungs=(),
        max_tokens=400, seed=0, objectives=len(names),
    )  # fmt: skip
    source = SearchTrials(study, 5, OBJECTIVE, record_of, names=names)
    for i in range(5):
        record = source.next()
        assert record is not None
        assert source.judge(record, measured(100, 9.0)) == CONTINUE  # one number at a rung is not enough to prune on
        record.measurements, record.finished = [measured(400, 2.0 + 0.1 * i, 2.5 - 0.1 * i)], finished(1000, 400)
        record.state = "completed"
        source.ended(record)
    told = study.trials()
    assert [len(t.values) for t in told] == [len(names)] * 5
    assert all(bool(t.constraints) == constrained for t in told)
    if "flops" in names:
        assert told[0].values == pytest.approx([2.0, 2.5, 6 * 1000 * 400])
