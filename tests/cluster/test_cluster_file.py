"""`cluster.yaml` is what Ray's launcher accepts, pinned to the versions of this installation."""

import copy
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))


def commands(cluster: dict[str, Any], *fields: str) -> str:
    return "\n".join(command for field in fields for command in cluster[field])


def test_ray_accepts_the_file(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(cluster))
    validate_config(prepared)
    assert set(prepared["available_node_types"]) == {"ray.head.default", "ray.worker.default"}


def test_ray_would_refuse_a_misspelt_field(cluster: dict[str, Any]) -> None:
    cluster["idle_timeout_minuts"] = cluster.pop("idle_timeout_minutes")
    with pytest.raises(ValidationError, match="idle_timeout_minuts"):
        validate_config(prepare_config(cluster))


def test_every_field_of_the_file_is_in_force_after_defaults(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(cluster))
    merged = {"available_node_types", "head_setup_commands", "worker_setup_commands"}
    same = set(cluster) - merged
    assert {key: prepared[key] for key in same} == {key: cluster[key] for key in same}


def test_workers_come_on_demand_and_stay_between_phases(cluster: dict[str, Any]) -> None:
    worker = cluster["available_node_types"]["ray.worker.default"]
    assert worker["min_workers"] == 0 < worker["max_workers"] <= cluster["max_workers"]
    assert cluster["idle_timeout_minutes"] >= 15


def test_head_has_a_resource_of_its_own(cluster: dict[str, Any]) -> None:
    nodes = cluster["available_node_types"]
    assert cluster["head_node_type"] == "ray.head.default"
    assert nodes["ray.head.default"]["resources"] == {"head": 1}
    assert "head" not in nodes["ray.worker.default"]["resources"]


def test_all_nodes_run_one_image(cluster: dict[str, Any]) -> None:
    images = {node["node_config"]["ImageId"] for node in cluster["available_node_types"].values()}
    assert len(images) == 1


@pytest.mark.parametrize("package", ["ray", "torch"])
def test_pins_are_the_installed_versions(cluster: dict[str, Any], package: str) -> None:
    pins = re.findall(rf"\b{package}(?:\[[\w,]+\])?==([\w.]+)", commands(cluster, "setup_commands"))
    assert pins == [version(package).split("+")[0]]


def test_python_is_the_projects(cluster: dict[str, Any]) -> None:
    pinned = re.findall(r"--python (\d+\.\d+)\.\d+", commands(cluster, "setup_commands"))
    required = re.search(r'requires-python = ">=(\d+\.\d+)', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert required and pinned == [required[1]]


def test_packages_are_installed_under_the_constraints(cluster: dict[str, Any]) -> None:
    installs = [c for c in cluster["setup_commands"] if "pip install" in c]
    assert installs and all("-c ~/sweeper/constraints.txt" in c for c in installs)
    assert ".gitignore" in cluster["rsync_filter"] and cluster["file_mounts"]["/home/ubuntu/sweeper"] == "."


def test_every_start_of_ray_requires_the_token(cluster: dict[str, Any]) -> None:
    starts = [
        command
        for field in ("head_start_ray_commands", "worker_start_ray_commands")
        for command in cluster[field]
        if "ray start" in command
    ]
    assert len(starts) == 2 and all("RAY_AUTH_MODE=token ray start" in c for c in starts)
    assert "RAY_AUTH_MODE=token" in commands(cluster, "initialization_commands")
    assert cluster["file_mounts"]["/home/ubuntu/.ray/auth_token"] == "~/.ray/auth_token"


def test_dashboard_is_not_open_to_the_network(cluster: dict[str, Any]) -> None:
    assert "--dashboard-host=127.0.0.1" in commands(cluster, "head_start_ray_commands")


def test_shared_storage_is_mounted_in_the_files_region(cluster: dict[str, Any]) -> None:
    setup = commands(cluster, "setup_commands")
    assert f"efs.{cluster['provider']['region']}.amazonaws.com" in setup
    assert re.search(r"mount -t nfs4 .* \$SHARED_FS:/ /shared", setup)
