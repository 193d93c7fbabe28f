"""What the report says of the search beside its trials: the front, and how sure the best is the best."""

from collections.abc import Iterator, Sequence

from sweeper.pipeline.search import Found
from sweeper.report import Cell, Curve, Limit, Panel, Table
from sweeper.search.fronts import Front
from sweeper.search.objective import Name, Objective, objective_values
from sweeper.trials.record import TrialRecord


def search_panels(found: Found, objective: Objective) -> tuple[Panel, ...]:
    """The target's loss against each other objective, with the front through its best trials."""
    front, completed = found.front, [r for r in found.records if r.state == "completed" and r.last is not None]
    if front is None or not front.trials:
        return ()
    return tuple(
        _panel(front, completed, objective, place, name) for place, name in enumerate(front.names) if place > 0
    )


def search_tables(found: Found, objective: Objective) -> tuple[Table, ...]:
    """The front's trials, and the paired differences."""
    return tuple(_tables(found, objective))


def _panel(front: Front, completed: Sequence[TrialRecord], objective: Objective, place: int, name: Name) -> Panel:
    all_points = [objective_values(record, objective, (name, "target_loss")) for record in completed]
    on_front = sorted((values[place], values[0]) for values in front.values)
    low, high = min(x for x, _ in all_points), max(x for x, _ in all_points)
    limited = name == "constraint_loss"
    if limited:
        low, high = min(low, objective.limit), max(high, objective.limit)
    room = 0.05 * (high - low) or 0.05 * abs(high)
    return Panel(
        title=f"{objective.target} loss against {_words(name, objective)}",
        x_label=_words(name, objective),
        y_label=f"{objective.target} loss, nats/token",
        curves=(
            Curve("trials", tuple(x for x, _ in all_points), tuple(y for _, y in all_points), "points", accent="muted"),
            Curve("front", tuple(x for x, _ in on_front), tuple(y for _, y in on_front), "points", accent="measured"),
        ),
        limits=(Limit(objective.limit, "constraint: stay left", axis="x"),) if limited else (),
        x_range=(low - room, high + room),
    )


def _tables(found: Found, objective: Objective) -> Iterator[Table]:
    if found.leads:
        corpora = list(found.leads[0].differences)
        rows: list[tuple[Cell, ...]] = [
            (lead.what, lead.first, lead.second, *map(_difference, lead.differences.values()), lead.probability)
            for lead in found.leads
        ]
        yield Table(
            ("comparison", "first", "second", *(f"{c}: first minus second" for c in corpora), "first is better, P"),
            tuple(rows),
            title="How sure the best trial is the best",
            note="Paired by evaluation document, ± standard error; P is of the objective, and speaks of the choice of "
            "documents, not of other seeds.",
        )
    front = found.front
    if front is not None and front.trials:
        reference = ", ".join(
            f"{_words(n, objective)} {_number(n, r)}" for n, r in zip(front.names, front.reference, strict=True)
        )
        yield Table(
            ("trial", *(_words(name, objective) for name in front.names)),
            tuple((trial, *values) for trial, values in zip(front.trials, front.values, strict=True)),
            title="Pareto front of the completed trials",
            note=f"Hypervolume {front.hypervolume:.4g}, measured to {reference}.",
            scientific=tuple(_words(name, objective) for name in front.names if name == "flops"),
        )


def _difference(found: tuple[float, float]) -> str:
    return f"{found[0]:+.4f} ± {found[1]:.4f}"


def _words(name: Name, objective: Objective) -> str:
    words = {"target_loss": f"{objective.target} loss", "constraint_loss": f"{objective.corpus} loss"}
    return words.get(name, {"tokens": "training tokens", "flops": "training FLOPs"}.get(name, name))


def _number(name: Name, value: float) -> str:
    return f"{value:.4f}" if name in ("target_loss", "constraint_loss") else f"{value:.3g}"
