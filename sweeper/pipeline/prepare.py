"""The first phase: base models found, text packed, once; and the look ahead that `plan` takes without doing either."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from sweeper.bases.pretraining import base_ready, pretrained_ref, pretraining_spec
from sweeper.bases.resolve import BaseModel, prepare_tokenizer, resolve_base
from sweeper.corpora.pool import TokenizerPool
from sweeper.corpora.prepare import FoundCorpus, OnProgress, find_prepared, prepare_corpus
from sweeper.corpora.prepared import PreparedCorpus
from sweeper.corpora.source import CorpusSource
from sweeper.corpora.tokenizer import TokenizerRef
from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.model import Experiment
from sweeper.pipeline.specs import SpecFactory
from sweeper.pipeline.workspace import Workspace
from trainers.spec import CorpusRef, ModelRef, TrialSpec

Precision = Literal["fp32", "bf16"]
T = TypeVar("T")


@dataclass(frozen=True)
class Inputs:
    """Base models and corpora of an experiment, found but not necessarily made."""

    experiment: Experiment
    bases: tuple[BaseModel, ...]
    """In the order of the experiment: small to large, the last to adapt."""
    found: Mapping[tuple[str, str], FoundCorpus]
    """Corpora by (tokeniser fingerprint, name), those that only built-in models are pre-trained on included."""
    precision: Precision
    cache: Path
    checkpoints: Path
    adapted: str | None = None
    """The base model that the search chose, once it did; None: the last."""

    @property
    def adapted_base(self) -> BaseModel:
        """The base model to adapt."""
        return next((base for base in self.bases if base.name == self.adapted), self.bases[-1])

    @property
    def pretraining(self) -> dict[str, TrialSpec]:
        """The trial that makes each built-in base model, by name."""
        return {base.name: self._pretraining(base) for base in self.bases if base.builtin}

    @property
    def missing_bases(self) -> dict[str, TrialSpec]:
        """Those whose model is not in the cache."""
        return {name: spec for name, spec in self.pretraining.items() if not base_ready(spec)}

    @property
    def missing_corpora(self) -> list[FoundCorpus]:
        """Corpora that have to be tokenised."""
        return [corpus for corpus in self.found.values() if corpus.prepared is None]

    def factory(self) -> SpecFactory:
        """What builds the specs of trials; needs nothing to be made, since identities follow from content."""
        return SpecFactory(
            experiment=self.experiment,
            corpora={base.name: self.corpora_of(base) for base in self.bases},
            models={base.name: self._model(base) for base in self.bases},
            precision=self.precision,
            checkpoints=self.checkpoints,
            adapted=self.adapted,
        )

    def corpora_of(self, base: BaseModel) -> tuple[CorpusRef, ...]:
        """The experiment's corpora in a base model's tokens."""
        return tuple(self.found[base.tokenizer.fingerprint, name].ref for name in self.experiment.corpora)

    def prepared(self, base: BaseModel) -> dict[str, PreparedCorpus]:
        """The experiment's corpora in a base model's tokens, those that are packed."""
        found = {name: self.found[base.tokenizer.fingerprint, name].prepared for name in self.experiment.corpora}
        return {name: corpus for name, corpus in found.items() if corpus is not None}

    def _model(self, base: BaseModel) -> ModelRef:
        return pretrained_ref(self._pretraining(base)) if base.builtin else base.ref

    def _pretraining(self, base: BaseModel) -> TrialSpec:
        mixture = self.experiment.pretraining_mixture()
        trainer = self.experiment.trainer
        return pretraining_spec(
            base,
            self.cache,
            [self.found[base.tokenizer.fingerprint, name].ref for name in mixture],
            mixture,
            max_tokens=self.experiment.pretraining.tokens,
            max_seq_length=trainer.max_seq_length,
            global_batch_size=trainer.global_batch_size,
            precision=self.precision,
            seed=self.experiment.seed,
        )


def look(experiment: Experiment, workspace: Workspace, precision: Precision) -> Inputs:
    """Find everything, make nothing (sources are hashed; a Hugging Face model is fetched).

    Raises:
        SweeperError: a source or a base model does not exist or cannot be used.
    """
    bases = tuple(resolve_base(name, workspace.cache) for name in experiment.base_models)
    _require_one_tokenizer([base for base in bases if base.name in experiment.search.space.base_models])
    return Inputs(
        experiment=experiment,
        bases=bases,
        found=_each_corpus(experiment, bases, lambda n, s, t: find_prepared(n, s, t, workspace.cache)),
        precision=precision,
        cache=workspace.cache,
        checkpoints=workspace.checkpoints,
    )


def _require_one_tokenizer(searched: Sequence[BaseModel]) -> None:
    """Trials of a search are compared in nats a token, on the same blocks of text.

    Raises:
        ExperimentError: the models to choose from read text by different tokenisers.
    """
    other = next((base for base in searched if base.tokenizer.fingerprint != searched[0].tokenizer.fingerprint), None)
    if other is not None:
        raise ExperimentError(
            f"search.space.base_model: {searched[0].name!r} and {other.name!r} have different tokenisers, so "
            "that their losses a token do not compare; choose among models of one tokeniser, or run one experiment for "
            "each and compare the bits_per_byte of their measurements"
        )


def prepare(inputs: Inputs, on_progress: OnProgress | None = None) -> Inputs:
    """Make what is missing of tokenisers and packed corpora; returns the inputs as they then stand.

    Raises:
        SweeperError: bad documents, or a corpus too small for one block.
    """
    for base in inputs.bases:
        prepare_tokenizer(base, inputs.cache, on_progress)
    with TokenizerPool(inputs.experiment.resources.prepare_processes) as pool:
        _each_corpus(
            inputs.experiment,
            inputs.bases,
            lambda n, s, t: prepare_corpus(n, s, t, inputs.cache, on_progress, pool),
        )
    found = _each_corpus(inputs.experiment, inputs.bases, lambda n, s, t: find_prepared(n, s, t, inputs.cache))
    for corpus in found.values():
        if corpus.prepared is not None:
            corpus.prepared.require_blocks(inputs.experiment.trainer.max_seq_length)
    return Inputs(inputs.experiment, inputs.bases, found, inputs.precision, inputs.cache, inputs.checkpoints)


def _each_corpus(
    experiment: Experiment, bases: tuple[BaseModel, ...], make: Callable[[str, CorpusSource, TokenizerRef], T]
) -> dict[tuple[str, str], T]:
    return {
        (base.tokenizer.fingerprint, name): make(name, source, base.tokenizer)
        for base in {base.tokenizer.fingerprint: base for base in bases}.values()
        for name, source in _sources(experiment, any(b.builtin and b.tokenizer == base.tokenizer for b in bases))
    }


def _sources(experiment: Experiment, pretraining: bool) -> list[tuple[str, CorpusSource]]:
    sources = {
        name: CorpusSource(
            source=corpus.source,
            text_field=corpus.text_field,
            valid=corpus.valid,
            test=corpus.test,
            valid_fraction=corpus.valid_fraction,
            max_bytes=corpus.max_bytes,
        )
        for name, corpus in experiment.corpora.items()
    }
    if pretraining:
        for name in experiment.pretraining_mixture():
            sources.setdefault(name, CorpusSource(source=name))
    return list(sources.items())
