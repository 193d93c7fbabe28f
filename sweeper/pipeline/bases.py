"""Base models: the built-in ones pre-trained, and all of them measured before any adaptation."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.bases.pretraining import complete_base, is_exported
from sweeper.corpora.unigram import unigram_loss
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.session import Session
from sweeper.trials.record import TrialRecord
from trainers.spec import Method
from trainers.tokens.packed import PackedCorpus

ENOUGH_BELOW_UNIGRAM = 1.5
"""Nats per token that a built-in model must gain on a unigram model to count as pre-trained."""


@dataclass(frozen=True)
class BaseLosses:
    """What every base model loses before adaptation."""

    records: Mapping[tuple[str, Method], TrialRecord]
    """By base model and the method that sees it: `full` unquantised, `qlora` through NF4."""

    def loss(self, base: str, corpus: str, method: Method = "full", split: str = "valid") -> float:
        """Nats per token; `lora` sees the unquantised model."""
        view: Method = "qlora" if method == "qlora" else "full"
        last = self.records[base, view].last
        assert last is not None  # Session.require has seen to it
        return last.loss(corpus, split)

    def params(self, base: str) -> int:
        """All parameters of a base model."""
        finished = self.records[base, "full"].finished
        assert finished is not None
        return finished.params


def pretrain(session: Session, inputs: Inputs) -> None:
    """Pre-train the built-in base models that the cache does not have.

    Raises:
        PhaseError: a pre-training failed.
    """
    bases = {base.name: base for base in inputs.bases}
    missing = inputs.missing_bases
    session.counts.reused |= {spec.id for name, spec in inputs.pretraining.items() if name not in missing}
    untrained = [spec for spec in missing.values() if not is_exported(spec)]
    for spec in untrained:
        known = session.store.get(spec.id)
        if known is not None:
            known.state = "paused"  # it was trained, but what came out of it is gone
    records = session.run(untrained, "pre-training")
    session.require(records, "pre-training a built-in base model")
    for name, spec in missing.items():
        complete_base(spec, bases[name])


def measure(session: Session, inputs: Inputs) -> BaseLosses:
    """Every base model's loss on every corpus, unquantised and, where the search has `qlora`, through NF4.

    Raises:
        PhaseError: a measurement failed.
    """
    factory = inputs.factory()
    methods: tuple[Method, ...] = ("full", "qlora") if "qlora" in session.experiment.search.space.methods else ("full",)
    keys = [(base.name, method) for base in inputs.bases for method in methods]
    records = session.run([factory.base(base, method) for base, method in keys], "base loss")
    session.require(records, "measuring a base model")
    losses = BaseLosses(dict(zip(keys, records, strict=True)))
    for name in inputs.pretraining:
        _say_gain(session, inputs, losses, name)
    return losses


def _say_gain(session: Session, inputs: Inputs, losses: BaseLosses, name: str) -> None:
    """How much better than token frequencies a built-in model is, on the first corpus it was pre-trained on."""
    base = next(base for base in inputs.bases if base.name == name)
    trained_on = next(iter(session.experiment.pretraining_mixture()))
    twins = [n for n, c in session.experiment.corpora.items() if trained_on in (n, *c.source)]
    if not twins:
        return
    corpus = PackedCorpus(inputs.found[base.tokenizer.fingerprint, twins[0]].path)
    loss, unigram = losses.loss(name, twins[0]), unigram_loss(corpus)
    weak = "" if unigram - loss >= ENOUGH_BELOW_UNIGRAM else ": too little, raise pretraining.tokens"
    session.say(f"{name}: {loss:.3f} nats on {twins[0]}, {unigram - loss:.2f} below a unigram model{weak}")
