"""Made-up surfaces that look like continual pre-training, with trials on them: what samplers are chosen on.

Each seed draws its own surface: where each method's best learning rate lies and how narrow it is, which rank suffices,
how fast the target's loss falls with its share and how fast the general loss rises with share and learning rate. Losses
have the noise of documents, part of which trials share (the same documents), and of runs. Above some learning rate
trials diverge. The best learning rate falls a little with tokens, so that rungs rank it not quite right.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.experiment.distributions import Categorical, Float, Parameter
from sweeper.search.objective import Objective
from sweeper.search.proposal import Proposal
from sweeper.trials.record import TrialRecord
from trainers.messages import CorpusLoss, DocumentLoss, Finished, Measurement
from trainers.spec import CorpusRef, Lora, ModelRef, TrialSpec

TOKENS, RUNGS = 64_000, (16_000, 32_000)
DOCUMENTS, DOCUMENT_TOKENS = 24, 100
RANKS = (4, 8, 16, 32)
SPACE = (
    Parameter("method", "method", Categorical(("full", "qlora"))),
    Parameter("learning_rate.full", "learning_rate", Float(1e-5, 1e-2, log=True), {"method": ("full",)}),
    Parameter("learning_rate.qlora", "learning_rate", Float(5e-5, 5e-2, log=True), {"method": ("qlora",)}),
    Parameter("lora_r", "lora_r", Categorical(RANKS), {"method": ("qlora",)}),
    Parameter("domain_ratio", "domain_ratio", Float(0.05, 0.95)),
)


@dataclass(frozen=True)
class Valley:
    """One method's best learning rate."""

    best: float
    curvature: float
    level: float
    """Nats that the method's best is above the better method's."""
    diverges: float
    """Learning rate from which trials diverge."""


@dataclass(frozen=True)
class Surface:
    """Losses of a trial by its setting and tokens."""

    valleys: Mapping[str, Valley]
    gain: float
    """Nats of target loss that the whole budget is worth at share 1."""
    saturation: float
    forgetting: float
    rate_forgets: float
    enough_rank: float
    run_noise: float
    document_noise: float
    seed: int

    @classmethod
    def drawn(cls, seed: int) -> "Surface":
        """The surface of a seed."""
        rng = np.random.default_rng([seed, 7])
        full = math.exp(rng.uniform(math.log(6e-5), math.log(2e-3)))
        ratio = math.exp(rng.uniform(math.log(1.5), math.log(20.0)))
        better = rng.integers(2)
        valleys = {
            "full": Valley(full, rng.uniform(0.02, 0.08), 0.04 * float(better == 1), full * rng.uniform(8, 30)),
            "qlora": Valley(
                full * ratio, rng.uniform(0.02, 0.08), 0.04 * float(better == 0), full * ratio * rng.uniform(8, 30)
            ),
        }
        return cls(
            valleys, rng.uniform(0.4, 0.8), rng.uniform(2.0, 6.0), rng.uniform(0.1, 0.3), rng.uniform(0.01, 0.03),
            rng.uniform(4, 16), 0.006, 0.05, seed,
        )  # fmt: skip

    def losses(self, proposal: Proposal, tokens: float) -> tuple[float, float]:
        """Target's and general loss without noise."""
        valley, part = self.valleys[proposal.method], tokens / TOKENS
        x = math.log(proposal.learning_rate / (valley.best * part**-0.15))
        learnt = self.gain * part**0.4 * (1 - math.exp(-self.saturation * proposal.domain_ratio))
        rank = 0.05 * self.enough_rank / (self.enough_rank + (proposal.lora_r or math.inf)) * part
        target = 3.0 - learnt + 0.5 * valley.curvature * x * x + valley.level + rank
        softer = math.log1p(math.exp(x)) * self.rate_forgets
        general = 3.0 + part**0.3 * (self.forgetting * proposal.domain_ratio**1.5 + softer - 0.03)
        return target, general

    def diverged(self, proposal: Proposal) -> bool:
        """Whether the learning rate is too high."""
        return proposal.learning_rate > self.valleys[proposal.method].diverges

    def measured(self, proposal: Proposal, tokens: int) -> Measurement:
        """With noise: what documents share, what a run adds to all of them, and what it adds to each."""
        target, general = self.losses(proposal, tokens)
        rng = np.random.default_rng([self.seed, tokens, len(proposal.method), int(1e9 * proposal.learning_rate)])
        hard = np.random.default_rng([self.seed, 3]).normal(0.0, 0.4, DOCUMENTS)

        def documents(loss: float) -> np.ndarray:
            return loss + self.run_noise * rng.normal() + hard + self.document_noise * rng.normal(size=DOCUMENTS)

        return Measurement(
            tokens=tokens, step=tokens // 1000, lr_area=tokens, lr_fraction=1.0, unique_tokens={}, seconds=0.0,
            losses=tuple(
                _corpus(name, documents(loss)) for name, loss in (("domain", target), ("general", general))
            ),
        )  # fmt: skip

    def objective(self, penalty: float = 5.0) -> Objective:
        """Under a limit of 4 % on the general loss."""
        hard = float(np.random.default_rng([self.seed, 3]).normal(0.0, 0.4, DOCUMENTS).mean())
        return Objective("domain", "general", 1.04 * 3.0 + hard, penalty)

    def value(self, proposal: Proposal) -> float:
        """The true target loss, plus 5 times what the true general loss exceeds the limit by."""
        target, general = self.losses(proposal, TOKENS)
        return target + 5.0 * max(0.0, general - 1.04 * 3.0)

    def optimum(self) -> float:
        """The least true value, by a grid."""
        return min(
            self.value(Proposal(method, valley.best * math.exp(x), ratio, rank))
            for method, valley in self.valleys.items()
            for rank in (RANKS if method == "qlora" else (None,))
            for x in np.linspace(-2.0, 1.0, 25)
            for ratio in np.linspace(0.05, 0.95, 91)
        )


def record_of(proposal: Proposal) -> TrialRecord:
    """A proposal's trial."""
    lora = Lora(r=proposal.lora_r, alpha=2 * proposal.lora_r) if proposal.lora_r else None
    spec = TrialSpec(
        role="search", model=ModelRef(name="m", path="p", fingerprint="m"), method=proposal.method,  # type: ignore[arg-type]
        lora=lora, learning_rate=proposal.learning_rate,
        corpora=tuple(CorpusRef(name=name, path="p", fingerprint=name) for name in ("domain", "general")),
        mixture={"domain": proposal.domain_ratio, "general": 1.0 - proposal.domain_ratio},
        max_tokens=TOKENS, max_seq_length=100, global_batch_size=10, seed=0, precision="bf16",
        evaluate_at=(*RUNGS, TOKENS), rungs=RUNGS,
    )  # fmt: skip
    return TrialRecord(spec)


def ended(proposal: Proposal, tokens: int) -> Finished:
    """A closing message."""
    params = 10**9
    return Finished(
        state="completed", tokens=tokens, seconds=1.0, train_seconds=1.0, evaluation_seconds=0.0, tokens_per_second=1.0,
        peak_memory_bytes=1, params=params, params_non_embedding=params,
        trainable_params=params if proposal.method == "full" else 10**6 * (proposal.lora_r or 1), workers=1,
        device="cpu",
    )  # fmt: skip


def _corpus(name: str, losses: np.ndarray) -> CorpusLoss:
    documents = tuple(
        DocumentLoss(document=i, nll=float(loss) * DOCUMENT_TOKENS, tokens=DOCUMENT_TOKENS)
        for i, loss in enumerate(losses)
    )
    total, nll = DOCUMENTS * DOCUMENT_TOKENS, sum(d.nll for d in documents)
    return CorpusLoss(corpus=name, split="valid", nll=nll, tokens=total, bytes=4.0 * total, documents=documents)
