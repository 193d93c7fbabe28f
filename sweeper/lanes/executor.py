"""Runs trials: keeps lanes and one Tuner going, and waits for phases to end."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence

from sweeper.lanes import autoscaler, cluster
from sweeper.lanes.desk import Desk
from sweeper.lanes.lane import LaneShape
from sweeper.lanes.lane_actors import LaneActors, LaneMaker
from sweeper.lanes.orphans import end_cleaners
from sweeper.lanes.plan import LaneClasses, LanePlan, shape_lanes
from sweeper.lanes.pool import LanePool
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.lanes.supply import LANES_AHEAD, Supply
from sweeper.trials.record import TrialRecord

WATCH_SECONDS = 1.0
TUNER_SECONDS = 8.0
"""For the Tuner to notice that no trial will come."""
IDLE_SECONDS = 300.0
_log = logging.getLogger(__name__)


class Executor:
    """Lanes and a Tuner, started at the first phase that has something to run.

    Use as a context manager; leaving it ends lanes, Tuner and, where it was started here, Ray.

    Args:
        plan: The lanes: of one class, or of several.
        storage: Folder for Ray Train's own bookkeeping.
        observers: Whoever keeps books.
        address: Of a Ray cluster; None starts Ray on this machine.
        runner: What runs a spec (`LaneShape.runner`).
        maker: Makes lanes in place of Ray actors with worker groups.
        idle_seconds: For how long a lane that need not be kept may be idle.
        say: One line for the user; by default it goes to the log.
    """

    def __init__(
        self,
        plan: LanePlan | Sequence[LanePlan],
        storage: str,
        observers: Sequence[TrialObserver] = (),
        address: str | None = None,
        runner: str = LaneShape.runner,
        *,
        maker: LaneMaker | None = None,
        idle_seconds: float = IDLE_SECONDS,
        say: Callable[[str], None] = _log.info,
    ) -> None:
        self._plans = [plan] if isinstance(plan, LanePlan) else list(plan)
        self._address, self._idle_seconds, self._say = address, idle_seconds, say
        self._maker = maker or LaneActors(storage, runner)
        classes = LaneClasses(self._plans)
        self._desk = Desk(observers, lambda record: classes.of(record.spec).name)
        self._pool: LanePool | None = None
        self._supply: Supply | None = None
        self._tuner: threading.Thread | None = None
        self._scratch: str | None = None
        self._joined_here = False

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
        pool, supply = self._started()
        self._desk.open(source)
        self._call(pool)
        try:
            self._wait(pool, supply, check)
        except BaseException:
            self._pause(pool)
            raise

    def settle(self, record: TrialRecord) -> None:
        """A trial that was paused is over for good: tell the observers."""
        self._desk.settle(record)

    def observe(self, observer: TrialObserver) -> None:
        """Have one more observer hear of trials, after those there are."""
        self._desk.observe(observer)

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
        if self._address is not None:
            end_cleaners()
        if self._joined_here:
            cluster.leave()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    # -----------------------------------------------------------------------------------------------------------------

    def _started(self) -> tuple[LanePool, Supply]:
        if self._pool is not None and self._supply is not None:
            return self._pool, self._supply
        import ray

        self._joined_here = not ray.is_initialized()
        cluster.join(self._address)
        promised = autoscaler.promised()
        plans = shape_lanes(self._plans, cluster.resources(), promised)
        cluster.require_shared_storage(plans[0], len(cluster.alive_nodes()))
        pool = self._pool = LanePool(plans, self._maker, self._desk.broke)
        supply = self._supply = Supply(
            plans, pool, self._desk, promised=promised, idle_seconds=self._idle_seconds, say=self._say
        )
        supply.tick()
        most = sum(plan.lanes or 0 for plan in plans)
        self._tuner = threading.Thread(target=self._tune, args=(pool, most + most // LANES_AHEAD), daemon=True)
        self._tuner.start()
        return pool, supply

    def _tune(self, pool: LanePool, proxies: int) -> None:
        # The thread has no caller: what goes wrong is handed to whoever waits for trials.
        try:
            self._fit_tuner(pool, proxies)
        except Exception as error:
            self._desk.broke(error)
        else:
            if not self._desk.closing:
                self._desk.broke(RuntimeError("the Tuner ended before the experiment did; see Ray's logs"))

    def _fit_tuner(self, pool: LanePool, proxies: int) -> None:
        from ray import tune

        from sweeper.lanes.proxy import TrialProxy
        from sweeper.lanes.seats import seated
        from sweeper.lanes.tune import DeskSearcher, VerdictScheduler

        self._scratch = cluster.scratch()
        tuner = tune.Tuner(
            TrialProxy,
            tune_config=tune.TuneConfig(
                search_alg=DeskSearcher(self._desk, LaneClasses(self._plans)),
                scheduler=VerdictScheduler(self._desk),
                num_samples=-1,
                max_concurrent_trials=proxies,
            ),
            run_config=tune.RunConfig(storage_path=self._scratch, verbose=0),
        )
        with seated(pool.hosts):
            tuner.fit()

    def _wait(self, pool: LanePool, supply: Supply, check: Callable[[], None]) -> None:
        generation = self._desk.generation
        supply.tick()
        while not self._desk.wait(WATCH_SECONDS):
            check()
            supply.tick()
            for trial in self._desk.abandoned():
                pool.switchboard.release.remote(trial)
            if self._desk.generation != generation:  # a lost trial waits to be handed out again, or a lane has come
                generation = self._desk.generation
                self._call(pool)
        check()

    def _call(self, pool: LanePool) -> None:
        pool.switchboard.call.remote(self._desk.generation)

    def _pause(self, pool: LanePool) -> None:
        """Have every running trial write a checkpoint and return; wait for them, a bounded time."""
        self._desk.close()
        self._call(pool)
        deadline = time.monotonic() + max(plan.grace_seconds for plan in self._plans)
        tuner = self._tuner  # where it has died nobody takes in that trials have paused
        while not self._desk.over and time.monotonic() < deadline and tuner is not None and tuner.is_alive():
            pool.pause()  # again and again: a trial may be on its way to a lane
            time.sleep(0.1)
