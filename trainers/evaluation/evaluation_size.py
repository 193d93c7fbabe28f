"""How much of each held-out split an evaluation scores. Free of torch, so that plans read the same figures."""

from dataclasses import dataclass
from typing import Literal

from trainers.spec import TrialSpec
from trainers.timetable import Timetable


@dataclass(frozen=True)
class EvaluationSize:
    """The evaluations of one trial."""

    blocks: int
    """Blocks of each corpus and split that every evaluation scores, where the split has so many: the same number at
    every evaluation, so that the points of a curve differ by training alone."""
    asked: int
    """Blocks that `evaluation_tokens` would allow."""
    scored_tokens: int
    """All evaluations of the trial together, at most."""
    share: float | None
    """`scored_tokens` / training tokens; None for a trial of none."""

    def remark(self, spec: TrialSpec) -> str | None:
        """What there is to say where `evaluation_share` decides, else None."""
        if self.share is None or self.blocks == self.asked or spec.evaluation_share is None:
            return None
        length = spec.max_seq_length
        text = (
            f"evaluations score {self.blocks * length:,} tokens of each corpus in place of "
            f"{self.asked * length:,} (evaluation_tokens), which is {self.share:.1%} of the training tokens"
        )
        if self.share > spec.evaluation_share:
            return f"{text}; fewer than one block cannot be scored, so this is more than evaluation_share allows"
        return f"{text}: evaluation_share is {spec.evaluation_share:g}"


def evaluation_size(spec: TrialSpec, table: Timetable) -> EvaluationSize:
    """What the evaluations of a trial score: `evaluation_tokens` a corpus and split, or fewer where all of them
    together would pass `evaluation_share` of the training tokens, but one block at least.

    A trial that trains nothing (`max_tokens` 0: a base model is measured) is not bounded by the share.
    """
    asked = max(1, spec.evaluation_tokens // spec.max_seq_length)
    rounds = sum(len(splits_at(spec, table, step)) for step in table.evaluations) * len(spec.corpora)
    blocks = asked
    if spec.evaluation_share is not None and spec.max_tokens > 0:
        affordable = int(spec.evaluation_share * spec.max_tokens / max(1, rounds * spec.max_seq_length))
        blocks = max(1, min(asked, affordable))
    scored = rounds * blocks * spec.max_seq_length
    return EvaluationSize(blocks, asked, scored, scored / spec.max_tokens if spec.max_tokens else None)


def splits_at(spec: TrialSpec, table: Timetable, step: int) -> tuple[Literal["valid", "test"], ...]:
    """The splits that are evaluated after `step` steps: `test` at the end only."""
    return tuple(s for s in spec.evaluation_splits if step == table.n_steps or s != "test")
