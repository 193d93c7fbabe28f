"""Runs trials: keeps lanes and one Tuner going, and waits for phases to end."""

import shutil
import threading
import time
from collections.abc import Callable, Sequence

from sweeper.lanes import cluster
from sweeper.lanes.cluster import LanePlan
from sweeper.lanes.desk import Desk
from sweeper.lanes.lane import LaneShape
from sweeper.lanes.pool import LanePool
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.trials.record import TrialRecord

WATCH_SECONDS = 1.0
TUNER_SECONDS = 8.0
"""For the Tuner to notice that no trial will come."""


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
        self._pool: LanePool | None = None
        self._tuner: threading.Thread | None = None
        self._scratch: str | None = None
        self._joined_here = False
        self.shape: LanePlan | None = None
        """What the lanes are, once they are up."""

    def __enter__(self) -> "Executor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, source: TrialSource, check: Callable[[], None] = lambda: None) -> None:
        """Run every trial of a source; returns when the last has ended.

        Args:
            source: Of trials.
            check: Called about once a second and at the end; what it raises stops the trials as an interrupt does.

        Raises:
            KeyboardInterrupt: the user's; trials were told to write a checkpoint and return.
            ClusterError: the lanes cannot be brought up.
        """
        if source.exhausted():
            return
        pool = self._started()
        self._desk.open(source)
        self._call(pool)
        try:
            self._wait(pool, check)
        except BaseException:
            self._pause(pool)
            raise

    def settle(self, record: TrialRecord) -> None:
        """A trial that was paused is over for good: tell the observers."""
        self._desk.settle(record)

    def start(self) -> None:
        """Join Ray, start the lanes and the Tuner, if that has not happened; lanes come up in the background."""
        self._started()

    def close(self) -> None:
        """End the Tuner, send the lanes' workers home, leave Ray."""
        pool, tuner = self._pool, self._tuner
        if pool is None or tuner is None:
            return
        self._desk.close()
        pool.pause()  # whatever still runs here runs for nobody
        self._call(pool)
        tuner.join(TUNER_SECONDS if self._desk.over else 1.0)
        pool.close(shared=not self._joined_here)
        tuner.join(TUNER_SECONDS)  # trials that were not paused in time have lost their lanes now
        self._pool = self._tuner = None
        if self._joined_here:
            cluster.leave()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    # -----------------------------------------------------------------------------------------------------------------

    def _started(self) -> LanePool:
        if self._pool is not None:
            return self._pool
        import ray

        self._joined_here = not ray.is_initialized()
        cluster.join(self._address)
        cluster.require_shared_storage(self._plan, cluster.n_nodes())
        lanes, self.shape = cluster.shape_lanes(self._plan, cluster.resources())
        pool = self._pool = LanePool(lanes, self._lane_shape(self.shape), self._desk.broke)
        self._tuner = threading.Thread(target=self._tune, args=(pool, lanes), daemon=True)
        self._tuner.start()
        return pool

    def _lane_shape(self, plan: LanePlan) -> LaneShape:
        return LaneShape(
            workers=plan.num_workers,
            threads=plan.threads_per_worker,
            gpu=bool(plan.use_gpu),
            storage=self._storage,
            runner=self._runner,
            hung_seconds=plan.hung_seconds,
        )

    def _tune(self, pool: LanePool, lanes: int) -> None:
        # The thread has no caller: what goes wrong is handed to whoever waits for trials.
        try:
            self._fit_tuner(pool, lanes)
        except Exception as error:
            self._desk.broke(error)
        else:
            if not self._desk.closing:
                self._desk.broke(RuntimeError("the Tuner ended before the experiment did; see Ray's logs"))

    def _fit_tuner(self, pool: LanePool, lanes: int) -> None:
        from ray import tune

        from sweeper.lanes.proxy import TrialProxy
        from sweeper.lanes.tune import DeskSearcher, VerdictScheduler

        self._scratch = cluster.scratch()
        trainable = tune.with_resources(
            tune.with_parameters(TrialProxy, switchboard=pool.switchboard), {"CPU": 0, cluster.HEAD: 0.001}
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

    def _wait(self, pool: LanePool, check: Callable[[], None]) -> None:
        generation = self._desk.generation
        while not self._desk.wait(WATCH_SECONDS):
            check()
            pool.watch()
            for trial in self._desk.abandoned():
                pool.switchboard.release.remote(trial)
            if self._desk.generation != generation:  # a lost trial waits to be handed out again
                generation = self._desk.generation
                self._call(pool)
        check()

    def _call(self, pool: LanePool) -> None:
        pool.switchboard.call.remote(self._desk.generation)

    def _pause(self, pool: LanePool) -> None:
        """Have every running trial write a checkpoint and return; wait for them, a bounded time."""
        self._desk.close()
        self._call(pool)
        deadline = time.monotonic() + self._plan.grace_seconds
        tuner = self._tuner  # where it has died nobody takes in that trials have paused
        while not self._desk.over and time.monotonic() < deadline and tuner is not None and tuner.is_alive():
            pool.pause()  # again and again: a trial may be on its way to a lane
            time.sleep(0.1)
