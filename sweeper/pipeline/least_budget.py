"""Budgets that cannot end in an answer."""

from sweeper.errors import SweeperError
from sweeper.pipeline.costs import planned_trials
from sweeper.pipeline.spending import Spending


def refuse_too_little(spending: Spending) -> None:
    """Refuse a budget that cannot end in an answer, before anything is trained; what a guess says is not held against
    it.

    Raises:
        SweeperError: with what the least would be.
    """
    budget, forecast, least = spending.budget, spending.forecast(), least_budget(spending)
    done = spending.ledger.spent()["confirm"] > 0
    if done or not spending.is_sure or budget.amount >= least * (1 - 1e-9):
        return
    name, say = f"budget.{budget.unit}", spending.said
    if budget.amount < forecast.confirm:
        raise SweeperError(
            f"{name}: {budget.words} do not hold the confirming run, which takes {say(forecast.confirm)} "
            f"(confirm.tokens); write {say(1.005 * least)} or more, or lower confirm.tokens"
        )
    raise SweeperError(
        f"{name}: {budget.words} do not hold a search trial, the comparison of methods, the law's extreme ratios on "
        f"the last base model and the confirming run; write {say(1.005 * least)} or more ({say(forecast.total)} hold "
        "everything that the file asks for), or lower law.max_tokens, law.replicates or confirm.tokens"
    )


def least_budget(spending: Spending) -> float:
    """The smallest budget that holds one search trial, the comparison, three ratios and the confirming run."""
    experiment, forecast, share = spending.experiment, spending.forecast(), spending.budget.search_share
    law = search = 0.0
    for purpose, number, specs in planned_trials(experiment, spending.factory):
        dearest = spending.dearest(specs)
        if purpose == "compare":
            law += number * dearest
        elif purpose == "law" and specs[0].model.name == experiment.candidates[-1]:
            law += min(2, number) * dearest
        elif purpose == "search":
            search = min(1, number) * dearest
    return forecast.confirm + max(min(law / (1 - share), law + forecast.search), search / share)
