"""Ctrl-C, and the SIGTERM of a scheduler that takes the machine back."""

import signal

import pytest

from tests.faults.conftest import Make
from tests.faults.faulty_trials import attempts
from tests.faults.sweeps import Sweep, of_role

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_pauses_what_runs_at_its_step_and_the_same_command_goes_on_from_there(
    number: signal.Signals, make_sweep: Make, undisturbed: Sweep
) -> None:
    sweep = make_sweep(resources={"grace_seconds": 60})
    sweep.harm(sleep=0.2)
    process = sweep.begin()
    sweep.wait_for(process, lambda rs: any(len(r.measurements) == 2 for r in of_role(rs, "law", "running")))
    process.send_signal(number)
    assert process.wait(120) == 130
    assert "interrupted; nothing is lost. Continue with: python -m sweeper run" in sweep.said
    assert "Traceback" not in sweep.said
    (paused,) = [record for record in sweep.records() if record.state == "paused"]
    assert {run.info.status for run in sweep.mlflow_runs()} <= {"FINISHED", "KILLED"}
    sweep.harm()
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)
    first, second = attempts(sweep.shared / "trace")[paused.id]
    assert second[0] == first[-1] + 1  # not one step is taken again
