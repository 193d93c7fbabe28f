"""The command line with slow and harmed trials: `python -m tests.faults.driver run ...`."""

import functools

from sweeper.__main__ import script
from sweeper.pipeline import run
from tests.faults.faulty_trials import RUNNER

if __name__ == "__main__":
    run.Executor = functools.partial(run.Executor, runner=RUNNER)  # type: ignore[misc, assignment]
    script()
