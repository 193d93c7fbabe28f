"""Making and ending what a pool of lanes consists of."""

from typing import Any, Protocol

from sweeper.lanes import cluster
from sweeper.lanes.lane import Lane, LaneShape
from sweeper.lanes.plan import LanePlan


class LaneMaker(Protocol):
    """Makes lanes. A lane is whatever answers like an actor handle of `sweeper.lanes.lane.Lane`."""

    def make(self, name: str, plan: LanePlan) -> Any:
        """A lane that has not been started; `name` is new to Ray Train."""

    def end(self, lane: Any) -> None:
        """End a lane, whatever it does."""


class LaneActors:
    """Real lanes: actors on the head, where the driver is, so that a lost machine loses workers and no lane.

    Args:
        storage: Folder for Ray Train's own bookkeeping.
        runner: What runs a spec (`LaneShape.runner`).
    """

    def __init__(self, storage: str, runner: str) -> None:
        self._storage, self._runner = storage, runner

    def make(self, name: str, plan: LanePlan) -> Any:
        """A lane's actor."""
        import ray

        shape = LaneShape(
            workers=plan.num_workers,
            threads=plan.threads_per_worker,
            gpu=bool(plan.use_gpu),
            storage=self._storage,
            runner=self._runner,
        )
        # Where several Rays run on a machine, what Ray Train starts to give back a dead lane's CPUs cannot tell which
        # is its own without the address.
        env = {"env_vars": {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}}
        return on_head(Lane, 8 * shape.workers + 16, runtime_env=env).remote(name, shape)

    def end(self, lane: Any) -> None:
        """Kill the actor."""
        import ray

        ray.kill(lane)


def on_head(actor: type, concurrency: int, **options: Any) -> Any:
    """An actor class that takes no CPU and stays on the head."""
    import ray

    place = {"num_cpus": 0, "resources": {cluster.HEAD: 0.001}}
    return ray.remote(actor).options(max_concurrency=concurrency, **place, **options)
