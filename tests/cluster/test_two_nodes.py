"""The same command on a cluster: two nodes with separate local folders, one shared storage path, a token."""

import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.trials.store import TrialStore
from tests.cluster.two_nodes import two_nodes

ROOT = Path(__file__).parents[2]
EXPERIMENT: dict[str, Any] = {
    "name": "two-nodes",
    "corpora": {"general": {"source": "general.jsonl"}, "code": {"source": "code.jsonl"}},
    "target": "code",
    "base_models": ["builtin:tiny-s"],
    "pretraining": {"corpora": ["general"], "tokens": "8k"},
    "trainer": {"max_seq_length": 32},
    "search": {
        "space": {
            "method": {"choices": ["full"]},
            "learning_rate": {"full": {"low": 1e-4, "high": 1e-2, "log": True}},
            "domain_ratio": {"low": 0.1, "high": 0.9},
        },
        "trials": 2,
        "max_tokens": "2k",
        "pruner": "none",
    },
    "law": {"domain_ratio": [0.0, 0.5, 1.0], "max_tokens": "4k", "replicates": 1, "evaluations": 3},
    "constraint": {"corpus": "general", "max_increase": 0.5},
    "confirm": {"tokens": "4k"},
    "evaluation": {"max_tokens": "1k"},
    "resources": {"lanes": 2, "use_gpu": False},
}
TRIALS = 1 + 1 + 2 + 2 + 2 + 1
"""Pre-training, base loss, search, the compared point and its replicate, the law's other points, the confirming run."""


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Ray's sockets lie under it, and their paths have a limit."""
    with tempfile.TemporaryDirectory(prefix="two-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def write_experiment(folder: Path, storage: Path) -> Path:
    for name, words in (("general", "river stone cloud hill road tree"), ("code", "def return if else for import")):
        draw = random.Random(name)
        documents = [" ".join(draw.choices(words.split(), k=60)) + f" {i}" for i in range(400)]
        lines = [json.dumps({"text": document}) for document in documents]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    resources = EXPERIMENT["resources"] | {"storage": str(storage)}
    path = folder / "two-nodes.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT | {"resources": resources}), encoding="utf-8")
    return path


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_run_uses_both_nodes_of_a_cluster(tmp_path: Path, short_folder: Path) -> None:
    token, output, storage = tmp_path / "token", tmp_path / "output", tmp_path / "shared"
    token.write_text(secrets.token_hex(32), encoding="ascii")
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "sweeper", "run", str(write_experiment(tmp_path, storage)), "--json"]
    with two_nodes(short_folder, environment) as address:
        ran = subprocess.run(
            [*command, "--output", str(output), "--address", address],
            cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
    counts = json.loads(ran.stdout)["counts"]
    records = list(TrialStore(output / "trials"))
    assert (counts["computed"], counts["reused"], counts["failed"]) == (TRIALS, 0, 0)
    assert [record.state for record in records] == ["completed"] * TRIALS
    nodes = {record.node for record in records}
    assert len(nodes) == 2
    assert "127.0.0.2" in nodes
    recommendation = json.loads((output / "recommendation.json").read_text(encoding="utf-8"))
    assert 0 <= recommendation["domain_ratio"] <= 1
    assert (storage / "cache").is_dir()
    assert not list(short_folder.rglob("checkpoints"))  # nothing of ours stays on a node's own disk
