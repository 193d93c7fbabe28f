"""How much held-out text an evaluation scores: one figure for all trials of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeper.experiment.model import Experiment


def evaluation_tokens(experiment: "Experiment") -> int:
    """Held-out tokens of each corpus that every evaluation of every trial scores, at most.

    `evaluation.max_tokens`, or fewer where the evaluations of some trial would together pass `evaluation.share` of its
    training tokens. The figure is the same for all trials, because losses of different held-out text are hard to
    compare; it does not depend on how many trials there are, so that adding some does not change the others.
    """
    return max(1, min(experiment.evaluation.max_tokens, *_shares(experiment)))


def _shares(experiment: "Experiment") -> Iterator[int]:
    """What each kind of trial can afford a corpus and evaluation."""
    search, law, corpora = experiment.search, experiment.law, len(experiment.corpora)
    kinds = [(law.max_tokens, law.evaluations), (experiment.confirm.tokens, law.evaluations + 1)]  # the test part
    if search.trials:
        kinds.append((search.max_tokens, len(search.rungs) + 1))
    for tokens, evaluations in kinds:
        yield int(experiment.evaluation.share * tokens / (evaluations * corpora))
