"""Seats that Tune takes for actors; hosts and proxies are played."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from ray.air.execution.resources.request import ResourceRequest
from ray.tune import tune as tune_module
from ray.tune.execution.tune_controller import TuneController

from sweeper.lanes.proxy_host import ProxyHost, _Seated
from sweeper.lanes.seats import SeatManager, seated

ASKED = ResourceRequest([{"CPU": 1}])


class Hosts:
    """One host, whose calls are written down and answered by their number."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.taken = 0
        methods = {name: SimpleNamespace(remote=self._noting(name)) for name in ("sit", "call", "leave")}
        self.host = SimpleNamespace(**methods)

    def _noting(self, name: str) -> Any:
        def note(*arguments: Any, **options: Any) -> int:
            self.calls.append((name, *arguments, *options.items()))
            return len(self.calls)

        return note

    def take(self) -> Any:
        self.taken += 1
        return self.host

    def give_back(self, host: Any) -> None:
        assert host is self.host
        self.taken -= 1


def seat(hosts: Hosts) -> tuple[SeatManager, Any, Any]:
    """A trial's seat, as Tune comes by it."""
    manager = SeatManager(hosts)  # type: ignore[arg-type]
    manager.request_resources(ASKED)
    acquired = manager.acquire_resources(ASKED)
    assert acquired is not None
    (starts,) = acquired.annotate_remote_entities(["an actor class"])
    return manager, acquired, starts.remote(config={"a": 1}, storage="somewhere")


def test_a_seat_answers_as_an_actor_does() -> None:
    hosts = Hosts()
    _, _, actor = seat(hosts)
    assert actor.__ray_ready__.remote() == 1  # what taking the seat gave
    assert actor.train.remote() == 2
    assert actor.get_auto_filled_metrics.remote(debug_metrics_only=True) == 3
    assert actor.stop.remote() == 4
    assert hosts.calls == [
        ("sit", 1, {"a": 1}, "somewhere"),
        ("call", 1, "train"),
        ("call", 1, "get_auto_filled_metrics", ("debug_metrics_only", True)),
        ("leave", 1),
    ]


def test_seats_are_granted_when_asked_for_and_given_back() -> None:
    hosts = Hosts()
    manager, acquired, _ = seat(hosts)
    assert not manager.has_resources_ready(ASKED)
    assert manager.acquire_resources(ASKED) is None
    manager.request_resources(ASKED)
    manager.cancel_resource_request(ASKED)
    assert not manager.has_resources_ready(ASKED)
    assert hosts.taken == 1
    manager.free_resources(acquired)
    assert hosts.taken == 0


def test_tune_finds_its_own_controller_again_afterwards() -> None:
    with pytest.raises(OSError, match="in between"), seated(Hosts()):  # type: ignore[arg-type]
        assert issubclass(tune_module.TuneController, TuneController)
        assert tune_module.TuneController is not TuneController
        raise OSError("in between")
    assert tune_module.TuneController is TuneController


class Proxy:
    """Holds its caller until it is let go."""

    def __init__(self) -> None:
        self.go, self.log = threading.Event(), []
        self.log: list[str] = []

    def train(self) -> str:
        self.log.append("train")
        self.go.wait(5)
        self.log.append("trained")
        return "a result"

    def stop(self) -> None:
        self.log.append("stop")


def test_a_host_stops_a_trial_only_when_its_call_has_returned() -> None:
    host, proxy = ProxyHost("a switchboard"), Proxy()
    host._seated[7] = _Seated(proxy)
    training = threading.Thread(target=host.call, args=(7, "train"))
    training.start()
    leaving = threading.Thread(target=host.leave, args=(7,))
    while not proxy.log:
        pass
    leaving.start()
    proxy.go.set()
    training.join()
    leaving.join()
    assert proxy.log == ["train", "trained", "stop"]
    host.leave(7)  # nobody sits there any more
