"""Many proxies in one process."""

import threading
from dataclasses import dataclass, field
from typing import Any

from sweeper.lanes.lane_actors import on_head

SEATS = 16
"""Proxies a host holds: their trials are handed out again where its process dies."""


@dataclass
class _Seated:
    proxy: Any
    busy: threading.Lock = field(default_factory=threading.Lock)
    """One call at a time, as an actor has it."""


class ProxyHost:
    """The actor that runs proxies, each under its seat's number and each call in a thread."""

    def __init__(self, switchboard: Any) -> None:
        self._switchboard = switchboard
        self._seated: dict[int, _Seated] = {}

    def sit(self, seat: int, config: dict[str, Any], storage: Any) -> None:
        """Take a trial."""
        from sweeper.lanes.proxy import TrialProxy

        proxy = TrialProxy(config=config, storage=storage)
        proxy.connect(self._switchboard)
        self._seated[seat] = _Seated(proxy)

    def call(self, seat: int, method: str, *arguments: Any, **options: Any) -> Any:
        """What Tune asks of the trial's actor."""
        seated = self._seated[seat]
        with seated.busy:
            return getattr(seated.proxy, method)(*arguments, **options)

    def live(self) -> None:
        """Never return: whoever waits for the answer learns of this process' death."""
        threading.Event().wait()

    def leave(self, seat: int) -> None:
        """Tune is through with the trial."""
        seated = self._seated.pop(seat, None)
        if seated is not None:
            with seated.busy:
                seated.proxy.stop()


@dataclass
class _Host:
    handle: Any
    lives: Any
    """A reference that is answered when its process dies."""
    taken: int = 0


class Hosts:
    """As many hosts as the trials need, started when they do."""

    def __init__(self, switchboard: Any) -> None:
        self._switchboard = switchboard
        self._hosts: dict[Any, _Host] = {}

    def take(self) -> Any:
        """A host with a free seat, which is taken now."""
        self._forget_dead()
        host = next((host for host in self._hosts.values() if host.taken < SEATS), None) or self._start()
        host.taken += 1
        return host.handle

    def give_back(self, handle: Any) -> None:
        """A seat is free again."""
        if handle in self._hosts:
            self._hosts[handle].taken -= 1

    def end(self) -> None:
        """Kill all."""
        import ray

        for handle in list(self._hosts):
            ray.kill(handle)

    def _start(self) -> _Host:
        # Tune would have each trial work in a folder of its own, which threads cannot.
        environment = {"env_vars": {"RAY_CHDIR_TO_TRIAL_DIR": "0"}}
        handle = on_head(ProxyHost, 2 * SEATS + 2, runtime_env=environment).remote(self._switchboard)
        host = self._hosts[handle] = _Host(handle, handle.live.remote())
        return host

    def _forget_dead(self) -> None:
        import ray

        lives = {host.lives: host.handle for host in self._hosts.values()}
        dead, _ = ray.wait(list(lives), num_returns=len(lives), timeout=0) if lives else ([], [])
        for reference in dead:
            del self._hosts[lives[reference]]
