"""The quick ones: a lane whose worker hangs, and a trial whose worker dies again and again while it gets on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.lanes.cluster import LanePlan
from sweeper.lanes.executor import Executor
from sweeper.lanes.mailbox import MAX_ATTEMPTS
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from tests.lanes.fake_trials import RUNNER, fake_spec
from tests.lanes.observers import Watching

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def watching() -> Watching:
    return Watching()


@pytest.fixture(scope="module")
def lane(local_ray: None, tmp_path_factory: pytest.TempPathFactory, watching: Watching) -> Iterator[Executor]:
    storage = str(tmp_path_factory.mktemp("storage"))
    with Executor(LanePlan(lanes=1, hung_seconds=3.0), storage, [watching], runner=RUNNER) as executor:
        yield executor


def test_a_worker_that_dies_more_often_than_attempts_are_allowed_is_no_failure_while_its_trial_gets_on(
    lane: Executor, tmp_path: Path
) -> None:
    record = TrialRecord(fake_spec(80, steps=MAX_ATTEMPTS + 1, how=f"die after a step {tmp_path / 'attempts'}"))
    lane.run(FixedTrials([record]))
    assert (record.state, record.attempts) == ("completed", 1)
    assert len((tmp_path / "attempts").read_text()) == MAX_ATTEMPTS + 1


def test_a_hung_worker_is_started_afresh_and_its_trial_goes_on(
    lane: Executor, watching: Watching, tmp_path: Path
) -> None:
    record = TrialRecord(fake_spec(81, how=f"hang {tmp_path / 'attempts'}"))
    lane.run(FixedTrials([record]))
    assert (record.state, record.attempts) == ("completed", 2)
    said = "lost its lane (no sign of life for 3 s (resources.hung_seconds)); attempt 2 follows"
    assert watching.notices[-1] == said
