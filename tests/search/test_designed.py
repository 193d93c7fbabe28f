import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.design.chooser import Chooser
from sweeper.search.designed import DesignedTrials, Enough
from sweeper.trials.record import TrialRecord
from tests.design.bowl import AXES, CHECKPOINTS, GOAL, SETTINGS, losses, objective
from tests.trial_records import finished, measurement, spec
from trainers.messages import Measurement

PLENTY = Enough(runs=100, cost=1e9)


@dataclass
class Book:
    """Records by setting, and what was told of them."""

    records: dict[int, TrialRecord] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def begin(self, setting: int) -> TrialRecord:
        rate = float(SETTINGS[setting]["rate"])
        asked = spec(
            "search",
            ratio=float(SETTINGS[setting]["share"]),
            learning_rate=rate,
            max_tokens=CHECKPOINTS[-1],
            evaluate_at=CHECKPOINTS,
            rungs=CHECKPOINTS[:-1],
        )
        return self.records.setdefault(setting, TrialRecord(asked))

    def tell(self, record: TrialRecord) -> None:
        self.told.append(record.id)

    def setting(self, record: TrialRecord) -> int:
        return next(number for number, known in self.records.items() if known is record)

    def known(self) -> list[tuple[int, TrialRecord]]:
        return list(self.records.items())


def read(record: TrialRecord, measured: Measurement) -> Mapping[str, float]:
    return {"domain": measured.loss("code"), "general": measured.loss("general")}


def source_of(book: Book, enough: Enough = PLENTY, seed: int = 0) -> DesignedTrials:
    return DesignedTrials(Chooser(AXES, SETTINGS, CHECKPOINTS, GOAL, seed=seed), book, enough, read, book.known())


def advance(source: DesignedTrials, book: Book, record: TrialRecord) -> bool:
    """Train a trial on to its next measurement, as a lane does; False where it has ended."""
    last = record.last.tokens if record.last else 0
    tokens = next(t for t in CHECKPOINTS if t > last)
    seen = losses(SETTINGS[book.setting(record)], tokens)
    record.measurements.append(measurement(tokens, seen["general"], seen["domain"]))
    record.state = "running"
    if tokens == CHECKPOINTS[-1]:
        record.state, record.finished = "completed", finished(tokens=tokens)
    elif (verdict := source.judge(record, record.measurements[-1])).action == "pause":
        record.state, record.reason = "paused", verdict.reason
    if record.state == "running":
        return True
    source.ended(record)
    return False


def drive(
    source: DesignedTrials, book: Book, lanes: int, steps: int = 10**6, flying: Sequence[TrialRecord] = ()
) -> list[TrialRecord]:
    """Have `lanes` trials in flight until the source is exhausted, or for so many measurements; those in flight."""
    rng, flying = random.Random(0), list(flying)
    while steps > 0:
        while len(flying) < lanes and (record := source.next()) is not None:
            assert record not in flying
            record.attempts += 1
            flying.append(record)
        if not flying:
            assert source.exhausted()
            break
        record = rng.choice(flying)
        if not advance(source, book, record):
            flying.remove(record)
        steps -= 1
    return flying


def test_ends_early_with_the_best_setting_known() -> None:
    book = Book()
    source = source_of(book)
    drive(source, book, lanes=1)
    spent = sum(record.last.tokens for record in source.records if record.last)
    assert source.chooser.satisfied and spent < 0.3 * len(SETTINGS) * CHECKPOINTS[-1]
    best = source.chooser.recommend().setting
    assert objective(SETTINGS[best]) < min(map(objective, SETTINGS)) * 1.005


def test_parallel_lanes_find_it_too() -> None:
    book = Book()
    source = source_of(book)
    drive(source, book, lanes=4)
    assert objective(SETTINGS[source.chooser.recommend().setting]) < min(map(objective, SETTINGS)) * 1.01


def test_trials_that_cannot_win_are_left_and_pruned_at_the_end() -> None:
    book = Book()
    source = source_of(book)
    drive(source, book, lanes=2)
    left = source.close()
    assert left and all(record.state == "pruned" and "tokens" in record.reason for record in left)
    assert sorted(book.told) == sorted({record.id for record in source.records})
    short = [record.last.tokens for record in left if record.last]
    assert max(short) < CHECKPOINTS[-1]


def test_a_trial_that_was_left_can_be_taken_up_again() -> None:
    book = Book()
    source = source_of(book, Enough(runs=12, cost=1e9))
    drive(source, book, lanes=1)
    assert max(record.attempts for record in source.records) > 1
    assert [record.id for record in source.records] == list(dict.fromkeys(record.id for record in source.records))


def test_spends_no_more_than_it_may() -> None:
    book = Book()
    source = source_of(book, Enough(runs=100, cost=100_000))
    drive(source, book, lanes=3)
    assert sum(record.last.tokens for record in source.records if record.last) <= 100_000


def test_begins_no_more_trials_than_it_may() -> None:
    book = Book()
    source = source_of(book, Enough(runs=6, cost=1e9))
    drive(source, book, lanes=2)
    assert len(source.records) == 6


def test_a_new_call_goes_on_where_an_earlier_one_died() -> None:
    book = Book()
    first = source_of(book)
    flying = drive(first, book, lanes=2, steps=9)
    before = {record.id: [m.tokens for m in record.measurements] for record in first.records}
    assert flying
    again = source_of(book)  # those in flight are still marked as running
    drive(again, book, lanes=2)
    for record in again.records:
        tokens = [m.tokens for m in record.measurements]
        assert tokens[: len(before.get(record.id, []))] == before.get(record.id, [])
    assert objective(SETTINGS[again.chooser.recommend().setting]) < min(map(objective, SETTINGS)) * 1.01


def test_what_diverged_is_not_tried_next_to_again() -> None:
    book = Book()
    source = source_of(book, Enough(runs=12, cost=1e9))
    flying: list[TrialRecord] = []
    while not source.exhausted():
        record = source.next()
        if record is None:
            break
        if record.spec.learning_rate > 2e-3:
            record.state, record.reason = "failed", "diverged: the loss is not finite"
            source.ended(record)
            flying.append(record)
        else:
            while advance(source, book, record):
                pass
    assert 1 <= len(flying) <= 6
    assert objective(SETTINGS[source.chooser.recommend().setting]) < min(map(objective, SETTINGS)) * 1.01


def test_says_how_many_trials_it_may_still_give() -> None:
    book = Book()
    source = source_of(book, Enough(runs=8, cost=1e9))
    assert source.left() == 8
    flying = drive(source, book, lanes=3, steps=10)
    assert source.left() + len(flying) >= sum(record.state == "paused" for record in source.records)
    drive(source, book, lanes=3, flying=flying)
    assert source.left() == 0
