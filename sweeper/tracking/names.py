"""What a trial is called in MLflow: run names, params, tags and metrics."""

import math
from collections.abc import Mapping

from sweeper.tracking.interface import RunStatus
from sweeper.trials.record import State, TrialRecord
from trainers.messages import Finished, Measurement, Progress
from trainers.spec import TrialSpec

STATUS: Mapping[State, RunStatus] = {
    "completed": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "paused": "KILLED",
    "running": "KILLED",
}
"""How a run ends in MLflow; a trial that is still `running` when it ends was interrupted."""
LONGEST_VALUE = 4000
"""Characters; stores refuse or cut longer tags and params."""


def run_name(record: TrialRecord, target: str) -> str:
    """A short name for lists: role, method, ratio and the start of the identity."""
    if record.spec.max_tokens == 0:
        return f"{record.spec.role} {record.spec.method} {record.id[:6]}"
    ratio = record.spec.mixture.get(target, 0.0)
    return f"{record.spec.role} {record.spec.method} {target}={ratio:.2f} {record.id[:6]}"


def params_of(spec: TrialSpec, target: str) -> dict[str, str]:
    """About twenty params that runs are compared by; the whole spec is an artifact."""
    values: dict[str, object] = {
        "model": spec.model.name,
        "role": spec.role,
        "method": spec.method,
        "learning_rate": spec.learning_rate,
        "domain_ratio": spec.mixture.get(target, 0.0),
        "mixture": ",".join(f"{name}={share:g}" for name, share in sorted(spec.mixture.items())),
        "max_tokens": spec.max_tokens,
        "seed": spec.seed,
        "global_batch_size": spec.global_batch_size,
        "max_seq_length": spec.max_seq_length,
        "lr_scheduler_type": spec.schedule.type,
        "warmup_ratio": spec.schedule.warmup_ratio,
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "precision": spec.precision,
    }
    if spec.lora is not None:
        values |= {
            "lora_r": spec.lora.r,
            "lora_alpha": spec.lora.alpha,
            "lora_dropout": spec.lora.dropout,
            "lora_target_modules": spec.lora.target_modules,
            "use_rslora": spec.lora.use_rslora,
        }
    return {name: text(value) for name, value in values.items()}


def tags_of(record: TrialRecord, study: str) -> dict[str, str]:
    """Tags of a trial's run, but for its parent's id."""
    tags = {
        "sweeper.study": study,
        "sweeper.trial": record.id,
        "sweeper.role": record.spec.role,
        "sweeper.config_hash": record.id,
    }
    return tags | state_tags(record) | {f"sweeper.{name}": text(value) for name, value in record.labels.items()}


def state_tags(record: TrialRecord) -> dict[str, str]:
    """The tags that change while a trial lives."""
    return {
        "sweeper.state": record.state,
        "sweeper.reason": text(record.reason),
        "sweeper.reproduce": text(record.reproduce),
    }


def measurement_metrics(measurement: Measurement) -> dict[str, float]:
    """`eval/CORPUS/...` for the validation part, `test/CORPUS/...` for the test part."""
    metrics: dict[str, float] = {}
    for x in measurement.losses:
        group = f"{'eval' if x.split == 'valid' else 'test'}/{x.corpus}"
        loss = x.nll / x.tokens if x.tokens else math.nan
        metrics[f"{group}/loss"] = loss
        metrics[f"{group}/perplexity"] = math.exp(min(loss, 700.0))
        metrics[f"{group}/bits_per_byte"] = x.bits_per_byte
    return metrics


def progress_metrics(progress: Progress) -> dict[str, float]:
    """Metrics of a sign of life."""
    return {
        "train/loss": progress.train_loss,
        "train/learning_rate": progress.learning_rate,
        "train/grad_norm": progress.grad_norm,
        "perf/tokens_per_second": progress.tokens_per_second,
    }


def finished_metrics(finished: Finished) -> dict[str, float]:
    """What a trial cost."""
    return {
        "cost/seconds": finished.seconds,
        "cost/train_seconds": finished.train_seconds,
        "cost/evaluation_seconds": finished.evaluation_seconds,
        "cost/tokens_per_second": finished.tokens_per_second,
        "cost/peak_memory_bytes": float(finished.peak_memory_bytes),
        "cost/trainable_params": float(finished.trainable_params),
    }


def text(value: object) -> str:
    """A value as MLflow stores it."""
    return (f"{value:g}" if isinstance(value, float) else str(value))[:LONGEST_VALUE]
