"""The quick one: a worker that hangs."""

from pathlib import Path

import pytest

from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from tests.lanes.fake_trials import RUNNER, fake_spec
from tests.lanes.observers import Watching

pytestmark = pytest.mark.ray


def test_a_hung_worker_is_started_afresh_and_its_trial_goes_on(local_ray: None, tmp_path: Path) -> None:
    watching, record = Watching(), TrialRecord(fake_spec(81, how=f"hang {tmp_path / 'attempts'}"))
    plan = LanePlan(lanes=1, hung_seconds=3.0)
    with Executor(plan, str(tmp_path / "storage"), [watching], runner=RUNNER) as executor:
        executor.run(FixedTrials([record]))
    assert (record.state, record.attempts) == ("completed", 2)
    said = "lost its lane (no sign of life for 3 s (resources.hung_seconds)); attempt 2 follows"
    assert watching.notices[-1] == said
