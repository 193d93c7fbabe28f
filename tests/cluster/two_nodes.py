"""A Ray cluster of two nodes on this machine, each with an address and a local folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CPUS = 1
NODES = {"first": "127.0.0.1", "second": "127.0.0.2"}
START_SECONDS = 120.0


@contextmanager
def two_nodes(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Start the cluster and give its address; at the end both nodes are stopped, whatever happened."""
    with TwoNodes(folder, environment) as nodes:
        yield nodes.address


class TwoNodes:
    """The cluster, whose second node may be lost and started again.

    Args:
        folder: For the nodes' local folders and what they print. Short: a socket's path has at most 107 characters.
        environment: Of the nodes' processes, beside this one's.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self.address = f"{NODES['first']}:{_free_port()}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        """`ray start --block` by node."""

    def __enter__(self) -> "TwoNodes":
        try:
            head = ["--head", f"--port={self.address.split(':')[1]}", f"--dashboard-port={_free_port()}"]
            self.processes["first"] = _start("first", head, self._folder, self._environment)
            self._await_nodes(1)
            self.start_second()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)  # `ray start --block` ends what it started
        for process in self.processes.values():
            process.wait(60)

    def start_second(self) -> None:
        """Start the second node; returns when the first knows it."""
        self.processes["second"] = _start("second", [f"--address={self.address}"], self._folder, self._environment)
        self._await_nodes(2)

    def _await_nodes(self, count: int) -> None:
        _await_nodes(self.address, count, list(self.processes.values()), self._folder, self._environment)


def _start(name: str, options: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", *options, "--block", "--disable-usage-stats",
        f"--node-name={name}", f"--node-ip-address={NODES[name]}", f"--num-cpus={CPUS}", "--num-gpus=0",
        f"--temp-dir={folder / name}", "--object-store-memory=100000000",
        f"--dashboard-agent-listen-port={_free_port()}",
    ]  # fmt: skip
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environment)


def _await_nodes(
    address: str, count: int, processes: list[subprocess.Popen[bytes]], folder: Path, environment: dict[str, str]
) -> None:
    ask = [sys.executable, "-c", _COUNT, address]
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(ask, env=os.environ | environment, capture_output=True).returncode != count:
        if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
            logs = "\n".join(path.read_text() for path in folder.glob("*.log"))
            raise RuntimeError(f"node {count} of the cluster did not come up\n{logs}")
        time.sleep(0.5)


_COUNT = """
import sys
from ray._raylet import GcsClient
nodes = GcsClient(address=sys.argv[1]).get_all_node_info(timeout=5)
sys.exit(sum(node.state == 0 for node in nodes.values()))
"""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
