"""Runs trials: brings lanes up, keeps one Tuner going in a thread, and waits for phases to end."""

import contextlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Sequence
from typing import Any

from sweeper.lanes import cluster
from sweeper.lanes.cluster import ClusterError, LanePlan
from sweeper.lanes.desk import Desk
from sweeper.lanes.lane import Lane, LaneShape
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.lanes.switchboard import Switchboard

START_SECONDS = 300.0
PAUSE_SECONDS = 8.0
_PAUSE = json.dumps({"action": "pause", "reason": "interrupted"})
_log = logging.getLogger(__name__)


class Executor:
    """Lanes and a Tuner, started at the first phase that has something to run.

    Use as a context manager; leaving it ends lanes, Tuner and, where it was started here, Ray.
    """

    def __init__(
        self,
        plan: LanePlan,
        storage: str,
        observers: Sequence[TrialObserver] = (),
        address: str | None = None,
        runner: str = LaneShape.runner,
    ) -> None:
        self._plan, self._storage, self._address = plan, storage, address
        self._runner = runner
        self._desk = Desk(observers)
        self._lanes: dict[str, Any] = {}
        self._switchboard: Any = None
        self._tuner: threading.Thread | None = None
        self._scratch: str | None = None
        self._joined_here = False
        self.shape: LanePlan | None = None
        """What the lanes are, once they are up."""

    def __enter__(self) -> "Executor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, source: TrialSource) -> None:
        """Run every trial of a source; returns when the last has ended.

        Raises:
            KeyboardInterrupt: the user's; trials were told to write a checkpoint and return.
            ClusterError: the lanes cannot be brought up.
        """
        if source.exhausted():
            return
        self.start()
        self._desk.open(source)
        self._call()
        try:
            generation = self._desk.generation
            while not self._desk.wait(1.0):
                self._watch_lanes()
                if self._desk.generation != generation:  # a lost trial waits to be handed out again
                    generation = self._desk.generation
                    self._call()
        except KeyboardInterrupt:
            self._pause()
            raise

    # Starting and ending ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Join Ray, start the lanes and the Tuner, if that has not happened; lanes come up in the background."""
        if self._tuner is not None:
            return
        import ray

        self._joined_here = not ray.is_initialized()
        cluster.join(self._address)
        lanes, self.shape = cluster.shape_lanes(self._plan, cluster.resources())
        self._switchboard = self._on_head(Switchboard, 4 * lanes + 8).remote()
        for index in range(lanes):
            threading.Thread(target=self._start_lane, args=(f"lane-{index}",), daemon=True).start()
        self._tuner = threading.Thread(target=self._tune, args=(lanes,), daemon=True)
        self._tuner.start()

    def close(self) -> None:
        """End the Tuner, send the lanes' workers home, leave Ray."""
        if self._tuner is None:
            return
        import ray

        self._desk.close()
        self._call()
        self._tuner.join(PAUSE_SECONDS)
        for lane in self._lanes.values():
            lane.close.remote()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and self._busy_lanes():
            time.sleep(0.1)
        for lane in self._lanes.values():
            ray.kill(lane)
        ray.kill(self._switchboard)
        self._tuner = None
        if self._joined_here:
            cluster.leave()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _busy_lanes(self) -> bool:
        import ray

        errors = [lane.ended.remote() for lane in self._lanes.values()]
        with contextlib.suppress(ray.exceptions.RayActorError):  # a lane that is gone is not busy
            return not all(ray.get(errors))
        return False

    def _start_lane(self, name: str) -> None:
        import ray

        assert self.shape is not None
        shape = LaneShape(
            workers=self.shape.num_workers,
            threads=self.shape.threads_per_worker,
            gpu=bool(self.shape.use_gpu),
            storage=self._storage,
            runner=self._runner,
        )
        try:
            lane = self._on_head(Lane, 8 * shape.workers + 16).remote(f"{name}-{int(time.time())}", shape)
            ray.get(lane.start.remote(lane))
            deadline = time.monotonic() + START_SECONDS
            while not ray.get(lane.ready.remote(2.0)):
                error = ray.get(lane.error.remote())
                if error or time.monotonic() > deadline:
                    raise ClusterError(f"{name} did not come up: {error or f'nothing for {START_SECONDS:.0f} s'}")
            self._lanes[name] = lane
            ray.get(self._switchboard.add.remote(name, lane))
        except Exception as error:
            self._desk.broke(error)

    def _tune(self, lanes: int) -> None:
        try:
            self._fit_tuner(lanes)
        except Exception as error:
            self._desk.broke(error)
        else:
            if not self._desk.closing:
                self._desk.broke(RuntimeError("the Tuner ended before the experiment did; see Ray's logs"))

    def _fit_tuner(self, lanes: int) -> None:
        from ray import tune

        from sweeper.lanes.proxy import TrialProxy
        from sweeper.lanes.tune import DeskSearcher, VerdictScheduler

        self._scratch = cluster.scratch()
        trainable = tune.with_resources(
            tune.with_parameters(TrialProxy, switchboard=self._switchboard), {"CPU": 0, cluster.HEAD: 0.001}
        )
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=DeskSearcher(self._desk),
                scheduler=VerdictScheduler(self._desk),
                num_samples=-1,
                reuse_actors=True,
                max_concurrent_trials=lanes,
            ),
            run_config=tune.RunConfig(storage_path=self._scratch, verbose=0),
        )
        tuner.fit()

    # While it runs ---------------------------------------------------------------------------------------------------

    def _call(self) -> None:
        self._switchboard.call.remote(self._desk.generation)

    def _pause(self) -> None:
        """Have every running trial write a checkpoint and return; wait for them, a bounded time."""
        import ray

        self._desk.close()
        for lane in self._lanes.values():
            number = ray.get(lane.current.remote())
            if number is not None:
                ray.get(lane.halt.remote(number, _PAUSE))
        self._call()
        self._desk.wait(PAUSE_SECONDS)

    def _watch_lanes(self) -> None:
        """Replace a lane whose actor or worker group has ended."""
        import ray

        for name, lane in list(self._lanes.items()):
            try:
                error = ray.get(lane.error.remote())
            except ray.exceptions.RayActorError as gone:
                error = f"{type(gone).__name__}"
            if error:
                _log.warning("%s is lost (%s); starting it again", name, error)
                del self._lanes[name]
                ray.get(self._switchboard.remove.remote(name))
                with contextlib.suppress(ray.exceptions.RayActorError):
                    ray.kill(lane)
                threading.Thread(target=self._start_lane, args=(name,), daemon=True).start()

    def _on_head(self, actor: type, concurrency: int) -> Any:
        import ray

        return ray.remote(actor).options(num_cpus=0, max_concurrency=concurrency, resources={cluster.HEAD: 0.001})
