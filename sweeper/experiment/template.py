"""The text of a new experiment file."""

import json
import math
import re
from pathlib import Path

from sweeper.experiment.defaults import LAW_RATIOS, REPLICATES, TRIALS, Defaults, budget
from sweeper.experiment.model_size import ModelSize
from sweeper.experiment.phases import Evaluation, Law, Search
from sweeper.experiment.quantities import format_tokens
from sweeper.experiment.spread import ADAPTERS

CORPORA = 2
MOST_EVALUATION = 0.75
"""Of a trial's training tokens; scoring a token costs about a third of training on it."""

_TEMPLATE = """\
# How much of the general text to mix in, which method, learning rate and rank, to adapt {model_comment}.
#
#   python -m sweeper plan {file}     # checks everything, says what would run and how long
#   python -m sweeper run {file}      # runs it; again: does only what is missing
#
# Every field is explained in docs/experiment.md. Paths are relative to this file.
name: {name}
seed: 0

# `target` is the corpus to adapt to; the others fill up the mixture. More corpora may be added.
# Other fields of a corpus: text_field, valid, test, valid_fraction, max_bytes, weight.
corpora:
  general: {{source: {general}}}
  domain: {{source: {domain}}}
target: domain

# The last is the model to adapt. Smaller ones of its family in front of it let the laws see size:
# with three or more they extrapolate to larger models.
base_models: [{model}]

trainer:
  max_seq_length: {length}{length_comment}
  per_device_train_batch_size: {batch}        # lower it, and raise the next, where memory runs out
  gradient_accumulation_steps: {accumulation}        # batch x accumulation sequences a step, over all workers
  lr_scheduler_type: constant           # or wsd; a decaying schedule would mislead pruning and laws
  warmup_ratio: 0.05
  weight_decay: 0.1
  max_grad_norm: 1.0

# {size_comment}: the ranges below are
# wide starting points. Where the best trial lies at an edge of its range, move the edge and run again.
search:
  space:
    method: {{choices: [{methods}]}}{method_comment}
    learning_rate:
{rates}
    lora_r: {{choices: [{ranks}], when: {{method: [{adapters}]}}}}
    domain_ratio: {{low: 0.1, high: 0.9}}
  trials: {trials}
  max_tokens: {search_tokens}

# These trials are never pruned: every ratio, each on every base model, and {replicates} again with another seed.
law:
  domain_ratio: [{law_ratios}]
  max_tokens: {law_tokens}
  replicates: {replicates}

# How far the general loss may rise above the base model's (0.03 is 3 %), and how surely one run is to stay within that.
constraint: {{corpus: general, max_increase: 0.03, confidence: 0.8}}

# The recommendation is made for this many tokens; laws reach to about twice law.max_tokens.
confirm: {{tokens: {confirm_tokens}}}
# Held-out tokens of each corpus an evaluation scores; all evaluations of a trial: at most `share` of its tokens.
evaluation: {{max_tokens: {evaluation_tokens}, share: {evaluation_share}}}

# All trials together train on at most {total} tokens{share_comment}.
resources: auto                         # or {{lanes: 2, num_workers: 1, use_gpu: true, storage: /shared/sweeper}}
tracking: {{mlflow: auto}}                # a sqlite store in the output folder, or a tracking URI
"""


def render(*, name: str, model: str, general: str, domain: str, size: ModelSize, defaults: Defaults, file: Path) -> str:
    """The text of the file; `general`, `domain` and `model` as they shall stand in it."""
    recipe = defaults.recipe
    evaluation_tokens = budget(max(8000, 16 * defaults.length))
    return _TEMPLATE.format(
        name=json.dumps(name) if not re.fullmatch(r"[A-Za-z][\w.-]*", name) else name,
        file=file,
        model_comment=model,
        model=_quoted(model),
        general=_quoted(general),
        domain=_quoted(domain),
        length=defaults.length,
        length_comment=_length_comment(size, defaults),
        batch=recipe.batch,
        accumulation=recipe.accumulation,
        size_comment=f"For a model of about {format_tokens(_two_digits(size.parameters))} parameters ({size.origin})",
        methods=", ".join(recipe.methods),
        method_comment="" if "full" in recipe.methods else "    # `full` needs about 16 bytes of memory a parameter",
        rates="\n".join(
            f"      {method}: {{low: {low:.1e}, high: {high:.1e}, log: true}}"
            for method, (low, high) in recipe.rates.items()
        ),
        ranks=", ".join(map(str, recipe.ranks)),
        adapters=", ".join(ADAPTERS),
        trials=TRIALS,
        search_tokens=format_tokens(defaults.search_tokens),
        law_ratios=", ".join(map(str, LAW_RATIOS)),
        law_tokens=format_tokens(defaults.law_tokens),
        replicates=REPLICATES,
        confirm_tokens=format_tokens(defaults.confirm_tokens),
        evaluation_tokens=format_tokens(evaluation_tokens),
        evaluation_share=_evaluation_share(defaults, evaluation_tokens),
        total=format_tokens(_two_digits(defaults.total_tokens)),
        share_comment=" where none is pruned, with one base model",
    )


def _evaluation_share(defaults: Defaults, evaluation_tokens: int) -> float:
    """What evaluations of that size cost the trial that can afford least: the default share, or more where it must be.

    Small budgets cannot have both quiet losses and cheap evaluations; losses too noisy to fit would waste all of it.
    """
    search = (len(Search.model_fields["rungs"].default) + 1) / defaults.search_tokens
    law = Law.model_fields["evaluations"].default / defaults.law_tokens
    needed: float = max(search, law) * evaluation_tokens * CORPORA
    return float(min(MOST_EVALUATION, max(Evaluation().share, math.ceil(needed * 100) / 100)))


def _length_comment(size: ModelSize, defaults: Defaults) -> str:
    return (
        ""
        if defaults.length == defaults.recipe.length
        else f"                 # the model reads no more than {size.max_positions}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _two_digits(amount: int) -> int:
    scale = int(10 ** max(0, len(str(amount)) - 2))
    return round(amount / scale) * scale
