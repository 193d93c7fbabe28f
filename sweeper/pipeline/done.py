"""Which trials on disk belong to an experiment as it stands now, before its study is opened."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from sweeper.experiment.model import Experiment
from sweeper.pipeline.specs import SpecFactory
from sweeper.search.source import is_final
from sweeper.trials.record import TrialRecord
from trainers.spec import TrialSpec

_SETTLED_LATER = ("method", "lora", "learning_rate", "mixture", "seed")
"""What the search settles, and what a design varies: not known before."""
_SETTLED_WITH = {
    "base_model": ("model", "corpora"),
    "lr_scheduler_type": ("schedule",),
    "warmup_ratio": ("schedule",),
    "global_batch_size": ("global_batch_size", "evaluate_at"),
    "weight_decay": ("weight_decay",),
}
"""What else of a spec is not known before, by the field that is searched."""


def count_done(experiment: Experiment, factory: SpecFactory, records: Iterable[TrialRecord]) -> Counter[str]:
    """Trials that are there, by phase.

    Trials of another base model, text, budget, recipe or law ratio are not counted; what the search settles is taken on
    trust, since only a run opens the study.
    """
    frame = _framing(experiment)
    frames = _frames(experiment, factory, frame)
    bases = {factory.base(name, view).id for name in experiment.base_models for view in ("full", "qlora")}
    done: Counter[str] = Counter()
    for record in filter(is_final, records):
        phase = "base loss" if record.id in bases else frames.get(frame(record.spec))
        if phase == "law":
            if not _in_design(experiment, record.spec):
                continue
            phase = "compare" if record.labels.get("purpose") == "compare" else "law"
        if phase is not None:
            done[phase] += 1
    return done


def _in_design(experiment: Experiment, spec: TrialSpec) -> bool:
    """Whether a mixture is one of the law's; where the search mixes all corpora, it settles how the rest is divided."""
    if experiment.search.space.mixture is not None:
        return spec.mixture.get(experiment.target, 0.0) in experiment.law.domain_ratio
    return spec.mixture in [experiment.mixture(ratio) for ratio in experiment.law.domain_ratio]


def _frames(experiment: Experiment, factory: SpecFactory, frame: Callable[[TrialSpec], str]) -> dict[str, str]:
    """Phase by what all of its trials have in common."""
    ratio = experiment.law.domain_ratio[0]
    phases: dict[str, str] = {}
    for base in experiment.base_models:
        phases[frame(factory.law(base, "full", 1.0, None, ratio))] = "law"
        phases[frame(factory.rate_check(base, "full", 1.0, None, ratio))] = "learning rate"
    for base in experiment.candidates:
        phases[frame(factory.search("full", 1.0, None, ratio, base=base))] = "search"
        phases[frame(replace(factory, adapted=base).confirm("full", 1.0, None, ratio))] = "confirm"
    return phases


def _framing(experiment: Experiment) -> Callable[[TrialSpec], str]:
    """Says of a spec what is known of it before the search."""
    searched = [part for field in experiment.search.space.fields for part in _SETTLED_WITH.get(field, ())]
    unknown = {*_SETTLED_LATER, *searched}

    def frame(spec: TrialSpec) -> str:
        return json.dumps(
            {name: value for name, value in spec.content().items() if name not in unknown}, sort_keys=True
        )

    return frame
