"""How a budget is split, and what it will not hold, for people; before anything of it is spent."""

from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.experiment.quantities import format_tokens
from sweeper.pipeline.compare import pivot_ratio
from sweeper.pipeline.costs import planned_trials
from sweeper.pipeline.law import usable_first
from sweeper.pipeline.spending import Spending


def budget_lines(spending: Spending) -> list[str]:
    """A table of the parts, and a line for each that does not hold its trials."""
    parts, forecast, spent, said = spending.parts(), spending.forecast(), spending.ledger.spent(), spending.said
    has = {"search": parts.search, "law": law_share(spending), "confirm": forecast.confirm}
    lines = [f"{'budget':<16}{'may use':>24}{'planned':>24}{'spent':>24}"]
    for part, amount in has.items():
        planned = getattr(forecast, part)
        lines.append(f"{part:<16}{said(amount):>24}{said(planned):>24}{said(spent[part]):>24}")  # type: ignore[index]
    left = spending.budget.amount - forecast.total
    lines.append(
        f"of {spending.budget.words}: {said(left)} more than the file asks for"
        if left >= 0
        else f"of {spending.budget.words}: {said(-left)} less than the file asks for, if nothing is pruned"
    )
    if not spending.is_sure:
        lines.append("hours are guessed: nothing was trained here yet")
    if spending.experiment.design == "active" or spent["confirm"]:  # what it takes is found out on the way, or known
        return lines
    return [*lines, *_search(spending), *_law(spending)]


def law_share(spending: Spending) -> float:
    """What is left for the law where the search uses all that it may and plans to."""
    parts, spent = spending.parts(), spending.ledger.spent()
    ahead = min(parts.search, spending.forecast().search) - spent["search"]
    return max(0.0, parts.law - max(0.0, ahead))


def _search(spending: Spending) -> Iterator[str]:
    planned, has = spending.forecast().search, spending.parts().search
    number = spending.experiment.search.trials
    if planned > has * (1 + 1e-9):
        yield f"search: {int(number * has / planned)} of {number} trials fit if none is pruned"


@dataclass(frozen=True)
class _Lump:
    """Trials of one kind and cost."""

    what: str
    number: int
    cost: float
    """Of one."""


def _law(spending: Spending) -> Iterator[str]:
    """In the order in which the law's part is used."""
    left, fit, number, short = law_share(spending), 0, 0, []
    for lump in _lumps(spending):
        holds = min(lump.number, int((left + 1e-9 * spending.budget.amount) / lump.cost))
        left -= holds * lump.cost
        fit, number = fit + holds, number + lump.number
        if holds < lump.number:
            short.append(f"{lump.number - holds} {lump.what}" if lump.number > 1 else lump.what)
    if short:
        yield (
            f"law: {fit} of {number} trials fit; no room, or only in part, for {', '.join(short)}; they run where the "
            "search leaves something over"
        )


def _lumps(spending: Spending) -> Iterator[_Lump]:
    experiment, factory = spending.experiment, spending.factory
    ratios, target = experiment.law.domain_ratio, experiment.candidates[-1]
    pivot = pivot_ratio(ratios, (min(ratios) + max(ratios)) / 2)
    checks: list[_Lump] = []
    smaller: list[_Lump] = []
    for purpose, number, specs in planned_trials(experiment, factory):
        cost, base = spending.dearest(specs), specs[0].model.name
        tokens = format_tokens(specs[0].max_tokens)
        if purpose == "compare":
            yield _Lump(f"runs comparing {specs[0].method}", number, cost)
        elif purpose == "learning rate":
            checks.append(_Lump(f"checks of the learning rate of {base}", number, cost))
        elif purpose == "law":
            runs = usable_first(ratios, pivot)
            runs = [ratio for ratio in runs if base != target or ratio != pivot]
            lumps = [_Lump(f"{base} at ratio {ratio:g} ({tokens})", 1, cost) for ratio in runs]
            if base == target:
                yield from lumps
            else:
                smaller = [*lumps, *smaller]
    yield from checks
    yield from smaller
