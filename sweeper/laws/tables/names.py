"""Names of columns: which are known, which look misspelt, and what others call them."""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence

from sweeper.laws.errors import LawError

REQUIRED = ("corpus", "tokens", "loss")
RATIO = "ratio."
"""`ratio.NAME` is the share of corpus NAME in the training tokens."""
KNOWN = (
    "experiment", "trial", "role", "corpus", "corpus_role", "split", "base_model", "params", "params_non_embedding",
    "tokens", "domain_ratio", "method", "lora_r", "lora_alpha", "learning_rate", "lr_area", "lr_fraction", "seed",
    "loss", "stderr", "bits_per_byte", "perplexity", "base_loss", "eval_tokens", "unique_tokens", "epochs", "purpose",
    "state",
)  # fmt: skip
"""The columns of docs/measurements.md, without `ratio.NAME`; those that no law uses are left out in silence."""
_ELSEWHERE = {
    "corpus": ("corpora", "dataset", "domain", "task", "eval_set", "validation_set", "set", "source"),
    "tokens": ("d", "train_tokens", "training_tokens", "num_tokens", "n_tokens", "tokens_seen", "total_tokens"),
    "loss": ("val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "nll", "cross_entropy", "ce"),
    "domain_ratio": ("r", "ratio", "mix", "mixture", "domain_share", "share", "proportion", "target_ratio"),
    "params": ("n", "size", "model_size", "n_params", "num_params", "parameters", "num_parameters"),
    "learning_rate": ("lr", "peak_lr", "max_lr"),
    "lora_r": ("rank", "lora_rank"),
    "trial": ("run", "run_id", "run_name"),
    "base_loss": ("initial_loss", "loss_base", "base", "l0"),
    "bits_per_byte": ("bpb",),
    "perplexity": ("ppl",),
}
"""What other tables call a column: too far from our name for a search by spelling."""
_ALIKE = 0.8
"""Similarity (difflib) from which the name of a column is taken for a misspelt one."""
_ALIKE_NAME = 0.6
"""The same for names of corpora and laws, where a guess does no harm: the name is unknown in any case."""
_SHOWN = 6


def check_names(names: Sequence[str]) -> list[str]:
    """Refuses tables without what is needed and names that look misspelt; returns notes on columns that are not used.

    Raises:
        LawError: a required column is missing, or an unknown column is nearly called like one that is missing.
    """
    unknown = [name for name in names if name not in KNOWN and not name.startswith(RATIO)]
    absent = [name for name in KNOWN if name not in names]
    ratios = any(name.startswith(RATIO) for name in names)
    for name in unknown:
        meant = nearest(_plain(name), absent)
        if meant is None and not ratios and (found := re.fullmatch(r"(?i)ratios?[ _:/-](.+)", name)):
            meant = RATIO + found[1]
        if meant is not None:
            raise LawError(
                f"{meant}: the table has no such column, but one called {name!r}; did you mean {meant}? Rename it, or "
                "leave it out if it is something else"
            )
    for name in REQUIRED:
        if name not in names:
            raise LawError(f"{name}: the table has no such column; {_remedy(name, names)}")
    if "domain_ratio" not in names and not ratios:
        raise LawError(
            "domain_ratio: the table has neither this column nor ratio.NAME columns; laws need the mixture, as "
            f"{_remedy('domain_ratio', names)}"
        )
    return _unused(unknown, absent)


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The column that a misspelt name probably means; None where none is near."""
    return next(iter(difflib.get_close_matches(name, list(allowed), n=1, cutoff=_ALIKE)), None)


def nearest_name(name: str, allowed: Iterable[str]) -> str | None:
    """The corpus or law that a misspelt name may mean; None where none is near."""
    return next(iter(difflib.get_close_matches(name, list(allowed), n=1, cutoff=_ALIKE_NAME)), None)


def listed(names: Collection[str]) -> str:
    """Names in a sentence; the first few where there are many."""
    shown = ", ".join(list(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _unused(unknown: list[str], absent: list[str]) -> list[str]:
    hints = [f"{name} (if it is {meant}, call it so)" for meant in absent for name in _called(meant, unknown)]
    plain = [name for name in unknown if not any(hint.startswith(f"{name} (") for hint in hints)]
    return [f"Columns that are not used: {listed([*hints, *plain])}."] if unknown else []


def _called(meant: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if _plain(name) in _ELSEWHERE.get(meant, ())]


def _remedy(meant: str, names: Sequence[str]) -> str:
    if same := _called(meant, names):
        return f"if {same[0]!r} is it, call it {meant}"
    wide = [name for name in names if name not in KNOWN and _plain(name).endswith("_loss")]
    if meant in ("corpus", "loss") and len(wide) > 1:
        return (
            f"{listed(wide)} look like losses of several corpora beside each other: give each measurement a row of its "
            "own, with the corpus' name in corpus and its loss in loss"
        )
    if meant == "loss" and (found := _present("perplexity", names)):
        return f"the loss in nats a token is ln({found}): add it as a column loss"
    if meant == "loss" and (found := _present("bits_per_byte", names)):
        return (
            f"the loss in nats a token is ln 2 * {found} * bytes a token (UTF-8 bytes of the scored text / its "
            "tokens): add it as a column loss"
        )
    if meant == "tokens" and (steps := [name for name in names if _plain(name) in ("step", "steps", "iteration")]):
        return f"training tokens are {steps[0]} * tokens a batch: add them as a column tokens"
    return f"needed are {', '.join(REQUIRED)} and the mixture (domain_ratio); it has {listed(names) or 'none'}"


def _present(meant: str, names: Sequence[str]) -> str | None:
    return meant if meant in names else next(iter(_called(meant, names)), None)
