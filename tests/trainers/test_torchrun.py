import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainers.tiny import run
from trainers.spec import TrialSpec


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_torchrun_trains_on_two_workers(make_spec: Callable[..., TrialSpec], tmp_path: Path, parallel: str) -> None:
    spec = make_spec(parallel=parallel, evaluate_at=())
    (tmp_path / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "trainers", str(tmp_path / "spec.json")],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (measured,) = (message for message in messages if message["kind"] == "measurement")
    losses = [loss["nll"] / loss["tokens"] for loss in measured["losses"]]
    assert losses == pytest.approx(run(spec)[1].curve()[0][1], rel=1e-5)
    assert [message["workers"] for message in messages if message["kind"] == "finished"] == [2]
