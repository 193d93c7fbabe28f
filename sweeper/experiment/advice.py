"""What an experiment may do but had better not."""

from collections.abc import Iterator, Mapping

from sweeper.experiment.evaluation_budget import evaluation_tokens
from sweeper.experiment.model import Experiment
from sweeper.experiment.problems import listed
from sweeper.experiment.quantities import format_tokens
from sweeper.experiment.samplers import Gp, Tpe
from sweeper.experiment.space import ADAPTER_FIELDS
from sweeper.experiment.spread import METHODS, RatePerMethod, ShareBounds


def warnings(experiment: Experiment) -> list[str]:
    """Sentences on what will weaken the answer or has no effect; each begins with the field it is about."""
    checks = (_law, _constraint, _confirm, _unused, _search, _coincident, _evaluation)
    return [said for check in checks for said in check(experiment)]


def _law(experiment: Experiment) -> Iterator[str]:
    law = experiment.law
    if len(law.domain_ratio) < 3:
        yield (
            f"law.domain_ratio: {len(law.domain_ratio)} ratios cannot show how the loss bends between them; measure "
            "three or more, better five"
        )
    if law.replicates == 0:
        yield "law.replicates: 0 leaves the noise between runs unknown, so intervals will be too narrow; use 1 or more"
    if law.evaluations == 1:
        yield "law.evaluations: 1 measures a trial at its end only, so no law over tokens can be fitted; use 3 or more"


def _constraint(experiment: Experiment) -> Iterator[str]:
    limit = experiment.constraint.max_increase
    if limit > 0.5:
        yield f"constraint.max_increase: {limit:g} allows a rise of {100 * limit:g} %; 3 % is written 0.03"


def _confirm(experiment: Experiment) -> Iterator[str]:
    tokens, measured = experiment.confirm.tokens, experiment.law.max_tokens
    if tokens > 2 * measured:
        yield (
            f"confirm.tokens: {format_tokens(tokens)} is more than twice law.max_tokens ({format_tokens(measured)}); "
            "laws are not to be trusted that far; raise law.max_tokens or lower confirm.tokens"
        )


def _unused(experiment: Experiment) -> Iterator[str]:
    space = experiment.search.space
    if isinstance(space.learning_rate, RatePerMethod):
        for method in METHODS:
            if method not in space.methods and space.rates(method) is not None:
                yield f"search.space.learning_rate.{method}: not used, as search.space.method does not have {method!r}"
    for field in ADAPTER_FIELDS if not space.adapters else ():
        if space.form(field) is not None:
            yield f"search.space.{field}: not used, as search.space.method has neither 'lora' nor 'qlora'"
    never = [p for p in space.parameters(experiment.target) if not all(p.when.values())]
    for parameter in never if space.adapters else ():
        yield f"search.space.{parameter.field}.when: no method of search.space.method has it, so it is not used"
    if space.mixture is not None:
        yield from _unmixed(experiment, space.mixture)
    target = experiment.target
    if experiment.corpora[target].weight != 1.0 and target not in experiment.pretraining.corpora:
        yield f"corpora.{target}.weight: not used, as {target!r} is the target and has the share domain_ratio"


def _unmixed(experiment: Experiment, mixture: Mapping[str, ShareBounds]) -> Iterator[str]:
    """Corpora that would be mixed in by their weights, were it not for `mixture`."""
    left = [name for name in experiment.others if name not in mixture and experiment.corpora[name].weight]
    if left:
        yield f"search.space.mixture: leaves out {listed(left)}, which no trial trains on; add it, or write weight: 0"


def _search(experiment: Experiment) -> Iterator[str]:
    search = experiment.search
    sampler = search.sampler
    if not isinstance(sampler, Tpe | Gp):
        return
    random = search.startup_trials if sampler.n_startup_trials is None else sampler.n_startup_trials
    if 0 < search.trials <= random:
        field = "startup_trials" if sampler.n_startup_trials is None else "sampler.n_startup_trials"
        yield (
            f"search.{field}: {random} of {search.trials} trials are random, so {sampler.name!r} never "
            "proposes one; lower it or raise search.trials"
        )


def _coincident(experiment: Experiment) -> Iterator[str]:
    step = experiment.trainer.tokens_per_step
    between = experiment.law.max_tokens / experiment.law.evaluations
    if between < step:
        yield (
            f"law.evaluations: {experiment.law.evaluations} measurements of {format_tokens(experiment.law.max_tokens)} "
            f"tokens are closer than one step ({step} tokens); some will coincide"
        )
    rungs = experiment.search.rungs if experiment.search.pruner.name != "none" else ()
    if rungs and rungs[0] * experiment.search.max_tokens < step:
        yield (
            f"search.rungs: the first, {rungs[0]:g} of search.max_tokens, is less than one step ({step} tokens); "
            "trials would be judged on their first step"
        )


def _evaluation(experiment: Experiment) -> Iterator[str]:
    evaluation, scored = experiment.evaluation, evaluation_tokens(experiment)
    if scored < evaluation.max_tokens:
        scored = max(scored, experiment.trainer.max_seq_length)
        yield (
            f"evaluation.share: {evaluation.share:g} of the shortest trial leaves {format_tokens(scored)} tokens of "
            f"each corpus an evaluation, not {format_tokens(evaluation.max_tokens)} (evaluation.max_tokens), so losses "
            "are noisier; raise the share, or take fewer evaluations"
        )
