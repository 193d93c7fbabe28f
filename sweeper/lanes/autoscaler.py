"""What the cluster's autoscaler may bring it to, where there is one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

OPTION = "--autoscaling-config="
"""With which Ray's launcher starts the autoscaler, on the head, where the driver is."""


def promised() -> dict[str, float] | None:
    """CPUs and GPUs by the autoscaler's configuration; None without one, or where it cannot be seen from here."""
    from ray._private.state import state  # managed clusters report it there; Ray's own libraries ask the same

    reported = state.get_max_resources_from_cluster_config()
    if reported is not None:
        return {name: float(count) for name, count in reported.items()}
    path = _configuration()
    if path is None:
        return None
    import yaml

    return most_resources(yaml.safe_load(path.read_text(encoding="utf-8")))


def _configuration() -> Path | None:
    """The file that the autoscaler of this driver's cluster was started with."""
    import psutil
    import ray

    ours = f"--gcs-address={ray.get_runtime_context().gcs_address}"
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        paths = [Path(word.removeprefix(OPTION)).expanduser() for word in words if word.startswith(OPTION)]
        if ours in words and paths and paths[0].is_file():
            return paths[0]
    return None


def most_resources(configuration: Mapping[str, Any]) -> dict[str, float]:
    """All machines that a cluster file allows, the head and as many workers as both its limits let come.

    Of each resource by itself: the machines that have most of it come first.
    """
    types, head = configuration["available_node_types"], configuration["head_node_type"]
    in_all = int(configuration.get("max_workers", 2))  # Ray's default
    most = {}
    for name in {name for node in types.values() for name in node.get("resources", {})}:
        counts = [
            float(node.get("resources", {}).get(name, 0))
            for key, node in types.items()
            for _ in range(min(in_all, int(node.get("max_workers", 0 if key == head else in_all))))
        ]
        own = float(types[head].get("resources", {}).get(name, 0))
        most[name] = own + sum(sorted(counts, reverse=True)[:in_all])
    return most
