"""Which trials on disk belong to an experiment as it stands now, before its study is opened."""

import json
from collections import Counter
from collections.abc import Iterable

from sweeper.experiment.model import Experiment
from sweeper.pipeline.specs import SpecFactory
from sweeper.search.source import is_final
from sweeper.trials.record import TrialRecord
from trainers.spec import TrialSpec

_SETTLED_LATER = ("method", "lora", "learning_rate", "mixture", "seed")
"""What the search settles, and what a design varies: not known before."""


def count_done(experiment: Experiment, factory: SpecFactory, records: Iterable[TrialRecord]) -> Counter[str]:
    """Trials that are there, by phase.

    Trials of another base model, text, budget, recipe or law ratio are not counted; what the search settles is taken on
    trust, since only a run opens the study.
    """
    frames = _frames(experiment, factory)
    mixtures = [experiment.mixture(ratio) for ratio in experiment.law.domain_ratio]
    bases = {factory.base(name, view).id for name in experiment.base_models for view in ("full", "qlora")}
    done: Counter[str] = Counter()
    for record in filter(is_final, records):
        phase = "base loss" if record.id in bases else frames.get(_frame(record.spec))
        if phase == "law":
            if record.spec.mixture not in mixtures:
                continue
            phase = "compare" if record.labels.get("purpose") == "compare" else "law"
        if phase is not None:
            done[phase] += 1
    return done


def _frames(experiment: Experiment, factory: SpecFactory) -> dict[str, str]:
    """Phase by what all of its trials have in common."""
    ratio, target = experiment.law.domain_ratio[0], factory.target_model
    phases = {_frame(factory.search("full", 1.0, None, ratio)): "search"}
    phases[_frame(factory.confirm("full", 1.0, None, ratio))] = "confirm"
    for base in experiment.base_models:
        phases[_frame(factory.law(base, "full", 1.0, None, ratio))] = "law"
        if base != target:
            phases[_frame(factory.rate_check(base, "full", 1.0, None, ratio))] = "learning rate"
    return phases


def _frame(spec: TrialSpec) -> str:
    content = {name: value for name, value in spec.content().items() if name not in _SETTLED_LATER}
    return json.dumps(content, sort_keys=True)
