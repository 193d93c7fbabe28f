"""The columns of the table of measurements: a public contract, rendered in `docs/measurements.md`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["string", "int64", "float64"]
RATIO_PREFIX = "ratio."
RATIO_TEMPLATE = "ratio.NAME"


@dataclass(frozen=True)
class Column:
    """One column: what it is called, holds and means."""

    name: str
    type: ColumnType
    unit: str
    meaning: str
    required: bool = False
    """A table from elsewhere (a CSV given to `fit`) must have it."""
    default: str = ""
    """Text columns: what stands in a table from elsewhere that lacks the column."""


COLUMNS: tuple[Column, ...] = (
    Column("experiment", "string", "-", "Name of the experiment."),
    Column("trial", "string", "-", "Identity of the trial: a hash of what decides its losses."),
    Column(
        "role",
        "string",
        "-",
        "Why the trial was run: `base` (the untrained base model), `search`, `law` or `confirm`.",
        default="law",
    ),
    Column("corpus", "string", "-", "The corpus whose held-out text was scored.", required=True),
    Column("corpus_role", "string", "-", "`general` or `domain`."),
    Column(
        "split",
        "string",
        "-",
        "Held-out part: `valid` (search and laws see it) or `test` (only confirming trials).",
        default="valid",
    ),
    Column("base_model", "string", "-", "Name of the model that the trial started from."),
    Column("params", "int64", "parameters", "All parameters of the base model."),
    Column("params_non_embedding", "int64", "parameters", "Those of `params` outside the embeddings."),
    Column("tokens", "int64", "tokens", "Training tokens before this measurement; 0 is the base model.", required=True),
    Column(
        "domain_ratio",
        "float64",
        "share 0-1",
        "The target corpus' share of the training tokens; missing for base models.",
    ),
    Column(
        RATIO_TEMPLATE,
        "float64",
        "share 0-1",
        "One column a corpus: the share of the training tokens of corpus NAME; missing for base models.",
    ),
    Column("method", "string", "-", "`full`, `lora` or `qlora`.", default="full"),
    Column("lora_r", "int64", "-", "Rank of the adapter; missing without one."),
    Column("lora_alpha", "float64", "-", "Scale numerator of the adapter; missing without one."),
    Column("learning_rate", "float64", "-", "Peak learning rate; missing for base models."),
    Column("lr_area", "float64", "tokens", "Integral of learning rate / peak over the training tokens so far."),
    Column(
        "lr_fraction", "float64", "share 0-1", "Learning rate / peak at this measurement, 1 during warm-up: the decay."
    ),
    Column("seed", "int64", "-", "Seed of the trial."),
    Column("loss", "float64", "nats/token", "Sum of nll / sum of tokens over the scored text.", required=True),
    Column(
        "stderr",
        "float64",
        "nats/token",
        "Standard error of `loss` from the choice of held-out documents (bootstrap of whole documents, 1,000 "
        "resamples); missing with fewer than two.",
    ),
    Column("bits_per_byte", "float64", "bits/byte", "nll / ln 2 / UTF-8 bytes: comparable between tokenisers."),
    Column("perplexity", "float64", "-", "exp(loss)."),
    Column(
        "base_loss",
        "float64",
        "nats/token",
        "Loss of the base model on the same text, as the method sees it (`qlora`: through NF4); missing if unmeasured.",
    ),
    Column("eval_tokens", "int64", "tokens", "Held-out tokens that were scored."),
    Column("unique_tokens", "int64", "tokens", "Distinct training tokens that the trial has seen, over all corpora."),
    Column(
        "epochs",
        "float64",
        "-",
        "Training tokens drawn from this corpus / distinct ones: 1 is no repetition; missing where none was drawn.",
    ),
    Column("purpose", "string", "-", "Why the trial was asked for, within its role; may be empty."),
    Column(
        "state",
        "string",
        "-",
        "How the trial stands: `completed`, `pruned`, `failed`, `paused` or `running`.",
        default="completed",
    ),
)


def columns_for(corpora: Iterable[str]) -> tuple[Column, ...]:
    """The columns with `ratio.NAME` written out, one a corpus, in the order given."""
    names = list(corpora)
    expanded: list[Column] = []
    for column in COLUMNS:
        if column.name == RATIO_TEMPLATE:
            expanded += [ratio_column(name) for name in names]
        else:
            expanded.append(column)
    return tuple(expanded)


def ratio_column(corpus: str) -> Column:
    """The column that holds the training share of one corpus."""
    return Column(RATIO_PREFIX + corpus, "float64", "share 0-1", f"Share of the training tokens of corpus {corpus}.")


def corpora_of(names: Sequence[str]) -> list[str]:
    """The corpora that a table has `ratio.` columns for."""
    return [name.removeprefix(RATIO_PREFIX) for name in names if name.startswith(RATIO_PREFIX)]


def markdown(columns: Iterable[Column]) -> str:
    """The columns as a Markdown table, as `docs/measurements.md` shows them."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    lines += [f"| `{c.name}`{' *' if c.required else ''} | {c.type} | {c.unit} | {c.meaning} |" for c in columns]
    return "\n".join(lines)
