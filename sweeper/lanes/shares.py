"""How many lanes of each class there are to be: by demand, within what the cluster has or may get. Pure."""

from collections.abc import Mapping, Sequence

from sweeper.lanes.plan import LanePlan, Resources, fitting, less


def shares(
    plans: Sequence[LanePlan], wanted: Mapping[str, int], capacity: Resources, waiting: Mapping[str, float]
) -> dict[str, int]:
    """Lanes of each class, by name.

    Those that are always kept come first. Then every class with work gets one, the one that has waited longest without
    any before the others, so that none starves where they do not fit side by side. The rest goes round in turn.

    Args:
        plans: The classes, shaped (`sweeper.lanes.plan.shape_lanes`).
        wanted: Lanes of each class that could be at work.
        capacity: What the cluster has, or may get.
        waiting: Seconds for which classes with work have been without a lane, those for which it is long.
    """
    counts = dict.fromkeys((plan.name for plan in plans), 0)
    left = dict(capacity)
    order = sorted(plans, key=lambda plan: -waiting.get(plan.name, 0.0))

    def give(plan: LanePlan, up_to: int) -> bool:
        nonlocal left
        if counts[plan.name] >= up_to or fitting(plan.needs, left) < 1:
            return False
        counts[plan.name] += 1
        left = less(left, plan.needs)
        return True

    for plan in plans:
        while give(plan, plan.least or 0):
            continue
    ceilings = {plan.name: min(wanted.get(plan.name, 0), plan.lanes or 0) for plan in plans}
    for plan in order:
        give(plan, min(1, ceilings[plan.name]))
    while sum(give(plan, ceilings[plan.name]) for plan in order):
        continue
    return counts
