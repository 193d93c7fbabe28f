"""Experiments, inputs and sessions without text, models or Ray."""

from pathlib import Path
from typing import Any

from sweeper.bases.ladder import count_parameters, ladder
from sweeper.bases.resolve import BaseModel
from sweeper.corpora.prepare import FoundCorpus
from sweeper.corpora.prepared import PreparedCorpus, SplitCounts
from sweeper.corpora.tokenizer import TokenizerRef
from sweeper.experiment import Experiment
from sweeper.experiment.loading import parse_experiment
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.specs import SpecFactory
from tests.experiment.data import whole
from trainers.spec import CorpusRef, ModelRef


def experiment(**changes: Any) -> Experiment:
    """The quickstart's shape, with values at dotted paths (`law__replicates=2`) set."""
    return parse_experiment(whole(**changes))


def factory(asked: Experiment, where: str = "/here") -> SpecFactory:
    """Builds specs of made-up corpora and models that stand under `where`."""
    corpora = tuple(CorpusRef(name=n, path=f"{where}/{n}", fingerprint=f"text-{n}") for n in asked.corpora)
    models = {n: ModelRef(name=n, path=f"{where}/{n}", fingerprint=f"weights-{n}") for n in asked.base_models}
    return SpecFactory(asked, dict.fromkeys(models, corpora), models, "fp32", Path(where) / "checkpoints")


def inputs(asked: Experiment, where: Path, train_tokens: int = 1_000_000) -> Inputs:
    """Built-in bases and packed corpora; the bases' checkpoints are looked for under `where`."""
    tokenizer = TokenizerRef(str(where / "tokenizer"), "tok")
    bases = tuple(
        BaseModel(name, None, ladder()[name], tokenizer, f"config-{name}", *count_parameters(name))
        for name in asked.base_models
    )
    names = {*asked.corpora, *asked.pretraining_mixture()}
    found = {("tok", name): found_corpus(name, where, train_tokens) for name in sorted(names)}
    return Inputs(asked, bases, found, "fp32", where / "cache", where / "checkpoints")


def found_corpus(name: str, where: Path, train_tokens: int) -> FoundCorpus:
    """A corpus that is packed already."""
    sizes = {"train": train_tokens, "valid": 20_000, "test": 20_000}
    counts = {split: SplitCounts(10, tokens, 3 * tokens, 0) for split, tokens in sizes.items()}
    packed = PreparedCorpus(name, where / name, f"text-{name}", counts, 0, 0, (), "<eot>", True)
    return FoundCorpus(name, packed.path, packed.fingerprint, packed, None)
