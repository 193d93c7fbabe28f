"""Stopping at rungs, but not on noise: the pruner's verdict is carried out where documents bear it out."""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.experiment.pruners import NoPruner, Pruner, Wilcoxon
from sweeper.search.objective import Objective
from sweeper.search.paired_differences import Judged, objective_difference, same_documents, scored_documents
from sweeper.search.pruners import share_that_goes_on
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement
from trainers.spec import TrialSpec


class PairedPruning:
    """Knows every trial's measurement at every rung.

    A trial that the named pruner would stop is compared with the last trial that makes the cut: the k-th best of the
    rung, k being the pruner's share of the rung's trials. It is stopped where its objective is worse by more than
    documents explain. `wilcoxon` compares with the best of the rung by a signed-rank test and asks no other pruner.

    Args:
        asked: The pruner.
        rungs: Tokens at which trials may be stopped.
        objective: What trials are compared by.
        known: Trials of earlier calls.
    """

    def __init__(
        self, asked: Pruner, rungs: Sequence[int], objective: Objective, known: Iterable[TrialRecord] = ()
    ) -> None:
        self._asked, self._objective, self._tokens = asked, objective, tuple(rungs)
        self._share = share_that_goes_on(asked, rungs)
        self._rungs: dict[int, dict[str, Judged]] = {}
        """By rung and trial."""
        for record in known:
            for measurement in record.measurements:
                if measurement.tokens in record.spec.rungs:
                    self._note(record, measurement)

    def rung(self, spec: TrialSpec, tokens: int) -> int:
        """A rung of a trial as all trials count it: those of another batch reach it some tokens earlier or later."""
        return self._tokens[spec.rungs.index(tokens)] if len(self._tokens) == len(spec.rungs) else tokens

    def reason_to_stop(self, record: TrialRecord, measurement: Measurement, failed_cut: bool) -> str | None:
        """Why a trial is stopped at a rung; None where it goes on.

        Args:
            record: The trial.
            measurement: Its measurement at the rung.
            failed_cut: Whether the named pruner would stop it.
        """
        rung = self._note(record, measurement)
        if isinstance(self._asked, NoPruner):
            return None
        said = f"at {measurement.tokens} tokens with an objective of {rung[record.id].value:.4f}"
        if isinstance(self._asked, Wilcoxon):
            reason = _beaten_by_the_best(record.id, rung, self._asked)
            return reason and f"{said}, {reason}"
        return self._beyond_noise(record.id, rung, self._asked.p_threshold, said) if failed_cut else None

    def _note(self, record: TrialRecord, measurement: Measurement) -> dict[str, Judged]:
        """Remember a measurement at a rung; gives all of the rung."""
        rung = self._rungs.setdefault(self.rung(record.spec, measurement.tokens), {})
        rung[record.id] = Judged(measurement, self._objective.on(record))
        return rung

    def _beyond_noise(self, trial: str, rung: Mapping[str, Judged], threshold: float, said: str) -> str | None:
        ranked = _ranked(rung)
        last = ranked[max(1, int(len(ranked) * self._share)) - 1]
        found = objective_difference(rung[trial], rung[last])
        if found is None or threshold == 1.0:  # without documents nothing is known of the noise
            return said
        if found.chance > threshold:
            return None
        return f"{said}, {found.difference:.4f} ± {found.stderr:.4f} behind the last that made the cut ({last})"


def _beaten_by_the_best(trial: str, rung: Mapping[str, Judged], asked: Wilcoxon) -> str | None:
    best = _ranked(rung)[0]
    own, other = rung[trial], rung[best]
    if own.value <= other.value:
        return None
    compared = [own.objective.target, *([] if own.holds else [own.objective.corpus])]
    chances = [
        signed_rank_chance(own.measurement, other.measurement, corpus, asked.n_startup_steps) for corpus in compared
    ]
    known = [chance for chance in chances if chance is not None]
    if not known or min(known) > asked.p_threshold:
        return None
    return f"{own.value - other.value:.4f} behind the best there ({best}; Wilcoxon p = {min(known):.2g})"


def _ranked(rung: Mapping[str, Judged]) -> list[str]:
    """Trials at a rung, the best first."""
    return sorted(rung, key=lambda trial: rung[trial].value)


def signed_rank_chance(a: Measurement, b: Measurement, corpus: str, least: int) -> float | None:
    """The probability that chance alone makes the first's documents look at least as much worse.

    Wilcoxon's signed-rank test, one-sided, on the differences of documents' losses a token.

    Returns:
        None with fewer than `least` documents in common, or where others were scored.
    """
    from scipy.stats import wilcoxon

    if not same_documents(a, b, corpus):
        return None
    first, second = scored_documents(a, corpus), scored_documents(b, corpus)
    if len(first) < least:
        return None
    differences = [(first[d][0] - second[d][0]) / tokens for d, (_, tokens) in first.items()]
    return float(wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue)
