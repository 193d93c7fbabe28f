"""The measurements of one trial: how much each scores, what it says of the trial, what all of them cost."""

import logging
import time

from trainers.evaluation.evaluate import Evaluator
from trainers.evaluation.evaluation_size import EvaluationSize, evaluation_size, splits_at
from trainers.messages import CorpusLoss, Measurement
from trainers.model.models import Model
from trainers.spec import TrialSpec
from trainers.steps.guards import require_finite
from trainers.timetable import Timetable
from trainers.tokens.batches import Batches
from trainers.tokens.packed import PackedCorpus
from trainers.workers.ranks import Ranks

log = logging.getLogger(__name__)


class Measurer:
    """Measures a trial's model, the same blocks every time.

    Raises:
        TrainerError: a corpus is too small to be measured.
    """

    def __init__(
        self, spec: TrialSpec, table: Timetable, corpora: dict[str, PackedCorpus], batches: Batches, ranks: Ranks
    ) -> None:
        self._spec, self._table, self._batches = spec, table, batches
        self._began = time.perf_counter()
        size = evaluation_size(spec, table)
        tokens = size.blocks * spec.max_seq_length
        self._evaluator = Evaluator(
            corpora, spec.max_seq_length, tokens, spec.micro_batch_size, ranks, spec.document_mask
        )
        self._evaluator.check(spec.evaluation_splits)
        self.measured: list[Measurement] = []
        """By this attempt, in order."""
        if ranks.first:
            _tell(spec, size)

    @property
    def tokens(self) -> int:
        """Held-out tokens scored so far."""
        return sum(loss.tokens for measurement in self.measured for loss in measurement.losses)

    def measure(self, model: Model, step: int) -> Measurement:
        """Measure every corpus after `step` steps; all ranks must call it and all get the same.

        Raises:
            TrialFailed: a rank could not score its blocks, or the loss is not finite.
        """
        losses = self._evaluator.measure(model, splits_at(self._spec, self._table, step))
        measurement = Measurement(
            tokens=self._table.tokens(step),
            step=step,
            lr_area=self._table.schedule.area(step),
            lr_fraction=self._table.schedule.decay(step),
            losses=losses,
            unique_tokens=self._batches.unique_tokens(step),
            seconds=time.perf_counter() - self._began,
        )
        require_finite(measurement)
        self.measured.append(measurement)
        return measurement

    def measure_alone(self, model: Model) -> tuple[CorpusLoss, ...]:
        """Measure a model that this rank alone holds, on the blocks and splits of the trial's last evaluation."""
        return self._evaluator.alone(model.device).measure(model, self._spec.evaluation_splits)


def _tell(spec: TrialSpec, size: EvaluationSize) -> None:
    remark = size.remark(spec)
    if remark is not None:
        log.info("trial %s: %s", spec.id, remark)
