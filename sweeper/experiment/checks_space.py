"""What must hold in the search space, and between it and the rest of the file."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweeper.experiment.distributions import Categorical, Parameter
from sweeper.experiment.forms import Form
from sweeper.experiment.names import suggestion
from sweeper.experiment.problems import Path, Problem, listed
from sweeper.experiment.simplex import infeasible
from sweeper.experiment.space import ADAPTER_FIELDS
from sweeper.experiment.spread import ADAPTERS, METHODS

if TYPE_CHECKING:
    from sweeper.experiment.model import Experiment

SPACE: Path = ("search", "space")
ALWAYS = ("method", "domain_ratio")
"""Fields that every trial has, whatever else it has; `learning_rate` and `mixture` too."""


def sound_parameters(experiment: "Experiment") -> tuple[Parameter, ...] | None:
    """The dimensions of the space; None where something is wrong with it."""
    if any(check for checks in (rates, ranks, base_models, mixture, conditions) for check in checks(experiment)):
        return None
    mixed = experiment.search.space.mixture
    if mixed is not None and experiment.target not in mixed:
        return None
    return experiment.search.space.parameters(experiment.target)


def rates(experiment: "Experiment") -> Iterator[Problem]:
    """Every method has learning rates."""
    space = experiment.search.space
    for method in space.methods:
        if space.rates(method) is None:
            yield Problem(
                ("search", "space", "learning_rate", method),
                f"missing, while {method!r} is a choice of search.space.method; add its learning rates, as in "
                f"{method}: {{low: 1.0e-4, high: 1.0e-2}}, or take {method!r} out of the choices",
            )


def ranks(experiment: "Experiment") -> Iterator[Problem]:
    """Every adapter has a rank."""
    space = experiment.search.space
    path: Path = ("search", "space", "lora_r")
    if space.adapters and space.lora_r is None:
        yield Problem(
            path,
            f"missing, while {listed(space.adapters)} is a choice of search.space.method; add the ranks, as in "
            "lora_r: {choices: [8, 16, 32]}",
        )
    for field, asked in space.lora_r.when.items() if space.lora_r is not None else ():
        left = [method for method in space.adapters if method not in asked]
        if field != "method":
            yield Problem(
                (*path, "when", field), "is not allowed, as an adapter always needs a rank; only method may stand here"
            )
        elif left:
            yield Problem(
                (*path, "when", "method"),
                f"leaves out {listed(left)}, which needs a rank too; add it, or take it out of search.space.method",
            )


def base_models(experiment: "Experiment") -> Iterator[Problem]:
    """Base models to choose from are members of the ladder."""
    for i, name in enumerate(experiment.search.space.base_models):
        if name not in experiment.base_models:
            yield Problem(
                (*SPACE, "base_model", "choices", i),
                f"{name!r} is not in base_models; {suggestion(name, experiment.base_models)}",
            )


def mixture(experiment: "Experiment") -> Iterator[Problem]:
    """One of `domain_ratio` and `mixture`; the bounds hold a mixture of the target and the constrained corpus."""
    space = experiment.search.space
    if space.mixture is None:
        if space.domain_ratio is None:
            yield Problem(
                (*SPACE, "domain_ratio"),
                "missing; add the target's share of training tokens, as in domain_ratio: {low: 0.1, high: 0.9}, or "
                "bounds of all shares as `mixture`",
            )
        return
    path = (*SPACE, "mixture")
    if space.domain_ratio is not None:
        yield Problem((*SPACE, "domain_ratio"), "and mixture say the same twice; take one of them out")
    for name in space.mixture:
        if name not in experiment.corpora:
            yield Problem((*path, name), f"is not a corpus of this file; {suggestion(name, tuple(experiment.corpora))}")
        elif name != experiment.target and not experiment.corpora[name].weight:
            yield Problem((*path, name), "has weight 0, so it is evaluated only; take it out, or give it a weight")
    for name, why in ((experiment.target, "the target"), (experiment.constraint.corpus, "the constrained corpus")):
        bounds = space.mixture.get(name)
        if name in experiment.corpora and (bounds is None or bounds.high == 0):
            yield Problem(path, f"leaves out {name!r}, {why}; give it bounds, as in {name}: {{low: 0.1, high: 0.9}}")
    why_not = infeasible({name: limits.bounds for name, limits in space.mixture.items()})
    if why_not:
        yield Problem(path, f"holds no mixture, as {why_not}")


def conditions(experiment: "Experiment") -> Iterator[Problem]:
    """Conditions name fields above that have choices, and values among them."""
    space = experiment.search.space
    for field in type(space).model_fields:
        form = space.form(field)
        for named, asked in form.when.items() if form is not None else ():
            path = (*SPACE, field, "when", named)
            if field in ALWAYS:
                yield Problem((*SPACE, field, "when"), "is not allowed, as every trial has this field; take it out")
                break
            problem = _no_condition(experiment, field, named)
            if problem is not None:
                yield Problem(path, problem)
                continue
            allowed = _allowed(experiment, named)
            wrong = [value for value in asked if value not in allowed]
            if wrong:
                yield Problem(path, f"{wrong[0]!r} is not a choice of {named}; known: {listed(allowed)}")
            elif field in ADAPTER_FIELDS and named == "method" and not set(asked) <= set(ADAPTERS):
                yield Problem(path, f"{listed([x for x in asked if x not in ADAPTERS])} has no adapter; take it out")
    yield from _conditions_of_rates(experiment)


def _conditions_of_rates(experiment: "Experiment") -> Iterator[Problem]:
    space = experiment.search.space
    whole = space.form("learning_rate")
    forms: dict[Path, Form | None] = {("learning_rate",): whole}
    if whole is None:
        forms = {("learning_rate", method): space.rates(method) for method in METHODS}
    for path, form in forms.items():
        if form is not None and form.when:
            yield Problem((*SPACE, *path, "when"), "is not allowed, as every trial has a learning rate; take it out")


def _no_condition(experiment: "Experiment", field: str, named: str) -> str | None:
    """Why a field cannot depend on another one."""
    space = experiment.search.space
    order = tuple(type(space).model_fields)
    if named not in order:
        return f"is no field of search.space; {suggestion(named, order)}"
    if order.index(named) >= order.index(field):
        above = [name for name in order[: order.index(field)] if space.form(name) is not None]
        return f"{field} cannot depend on {named}: only on fields above it in the table of fields, here {listed(above)}"
    form = space.form(named)
    if form is None:
        return "differs by method or is not in this space; name a field of search.space that has choices"
    if not isinstance(form.distribution(), Categorical):
        return f"{named} is a range; a condition needs {{choices: [...]}}"
    return None


def _allowed(experiment: "Experiment", named: str) -> tuple[object, ...]:
    """Values that a condition may name; methods that are no choice may stand in it, as it is about adapters."""
    form = experiment.search.space.form(named)
    distribution = form.distribution() if form is not None else None
    assert isinstance(distribution, Categorical)
    return METHODS if named == "method" else distribution.choices
