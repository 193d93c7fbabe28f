"""Where text comes from."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from sweeper.experiment.quantities import Bytes, Tokens
from sweeper.experiment.section import Allowed, Number, Section, Texts, one_or_many, problem

Fraction = Annotated[Number, Field(gt=0.0, lt=0.5)]
Paths = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...] | None,
    BeforeValidator(one_or_many),
    Allowed("like `source`"),
]
Sources = Annotated[
    Texts,
    Allowed(
        "a file, folder or glob of jsonl, txt (.gz, .zst too) or parquet; `hf:NAME[:CONFIG]`; `builtin:NAME`; or a list"
    ),
]


class Corpus(Section):
    """One named text source; a plain string in place of the mapping is its `source`."""

    source: Sources
    """Where the text is. Paths are relative to the experiment file's folder."""
    text_field: Annotated[str, Field(min_length=1)] = "text"
    """Field or column that holds the text, in formats that have fields."""
    valid: Paths = None
    """Text to validate on; by default documents are set aside from `source`."""
    test: Paths = None
    """Text that only `confirm` evaluates; by default documents are set aside from `source`."""
    valid_fraction: Fraction = 0.02
    """Share of the documents of `source` set aside for each of `valid` and `test` that is not given."""
    max_bytes: Bytes | None = None
    """Use at most this much text of `source`; by default all of it."""
    weight: Annotated[Number, Field(ge=0.0)] = 1.0
    """Share of what the target leaves, relative to the other corpora's weights; 0: the corpus is evaluated only."""
    role: Literal["general", "domain"] | None = None
    """What the corpus is in tables and reports; by default `domain` for the target and `general` for the others."""

    @model_validator(mode="before")
    @classmethod
    def _plain_source(cls, data: object) -> object:
        return {"source": data} if isinstance(data, str | list) else data


class Pretraining(Section):
    """How the built-in base models (`builtin:tiny-s`, ...) are made; other base models ignore it."""

    corpora: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        BeforeValidator(one_or_many),
        Field(min_length=1),
        Allowed("names of corpora of this file, mixed by their weights; or `builtin:docs`"),
    ] = ("builtin:docs",)
    """Text to pre-train on."""
    tokens: Tokens = 1_000_000
    """Training tokens of each built-in base model."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Pretraining":
        if len(self.corpora) > 1 and any(name.startswith("builtin:") for name in self.corpora):
            raise problem(f"{list(self.corpora)} mixes a built-in text with others; give corpus names only")
        return self
