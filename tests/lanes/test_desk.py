"""The desk between a source of trials and Tune, without Tune."""

import copy
import pickle
import threading

import pytest

from sweeper.lanes.desk import MAX_HAND_OUTS, Desk
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from tests.lanes.fake_trials import fake_spec, finished, measurement
from tests.lanes.observers import Watching
from trainers.messages import CONTINUE, Failure, Measurement, Progress, Resumed, Trouble, Verdict


class Judging(FixedTrials):
    """Fixed trials; prunes at the rungs where it is told to, and remembers what ended."""

    def __init__(self, records: list[TrialRecord], prune_at: int | None = None) -> None:
        super().__init__(records)
        self._prune_at = prune_at
        self.judged: list[int] = []
        self.over: list[str] = []

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        self.judged.append(measurement.tokens)
        return Verdict(action="stop", reason="too high") if measurement.tokens == self._prune_at else CONTINUE

    def ended(self, record: TrialRecord) -> None:
        self.over.append(record.state)


class Leaving(Judging):
    """Leaves trials at a rung in place of pruning them, and gives them out again."""

    @property
    def leaves(self) -> bool:
        return True

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        left = measurement.tokens == self._prune_at
        return Verdict(action="pause", reason="others first") if left else CONTINUE

    def exhausted(self) -> bool:
        return False


def texts(*tokens: int) -> list[str]:
    return [measurement(n, 1.0).model_dump_json() for n in tokens]


def end(state: str = "completed") -> str:
    return finished(state, 300).model_dump_json()


def opened(source: FixedTrials, *observers: Watching) -> Desk:
    desk = Desk(observers)
    desk.open(source)
    return desk


def test_trials_are_handed_out_in_order_and_then_none() -> None:
    records = [TrialRecord(fake_spec(seed)) for seed in range(2)]
    desk = opened(FixedTrials(records))
    assert [desk.hand_out(key) for key in "abc"] == [*records, None]
    assert [(record.state, record.attempts) for record in records] == [("running", 1)] * 2


def test_nothing_is_handed_out_before_a_phase() -> None:
    assert Desk([]).hand_out("a") is None


def test_a_completed_trial_keeps_its_measurements_and_its_end() -> None:
    record, watching = TrialRecord(fake_spec()), Watching()
    source = Judging([record])
    desk = opened(source, watching)
    desk.hand_out("a")
    assert desk.receive("a", 0, [*texts(100, 200), end()])
    desk.complete("a")
    assert record.state == "completed"
    assert [m.tokens for m in record.measurements] == [100, 200]
    assert record.finished is not None
    assert record.ended_at >= record.started_at > 0
    assert source.over == ["completed"]
    names = [name for name, _ in watching.events]
    assert names == ["started", "measured 100", "measured 200", "completed"]


def test_no_message_counts_twice() -> None:
    record, watching = TrialRecord(fake_spec()), Watching()
    desk = opened(FixedTrials([record]), watching)
    desk.hand_out("a")
    desk.receive("a", 0, texts(100, 200))
    desk.receive("a", 0, texts(100, 200))  # Tune gives a trial's last result again at its end
    desk.receive("a", 1, texts(200, 300))
    assert [name for name, _ in watching.events] == ["started", "measured 100", "measured 200", "measured 300"]


def test_a_resumed_trial_measures_again_in_place() -> None:
    record = TrialRecord(fake_spec(), measurements=[measurement(100, 9.0), measurement(200, 9.0)])
    desk = opened(FixedTrials([record]))
    desk.hand_out("a")
    desk.receive("a", 0, texts(200, 100))
    assert [(m.tokens, m.loss("code")) for m in record.measurements] == [(100, 1.0), (200, 1.0)]


def test_the_latest_node_is_kept() -> None:
    record = TrialRecord(fake_spec(), node="of an earlier run")
    desk = opened(FixedTrials([record]))
    desk.hand_out("a")
    desk.receive("a", 0, texts(100), "10.0.0.7")
    desk.receive("a", 1, texts(200))
    assert record.node == "10.0.0.7"


def test_progress_reaches_observers() -> None:
    record, watching = TrialRecord(fake_spec()), Watching()
    desk = opened(FixedTrials([record]), watching)
    desk.hand_out("a")
    sign = Progress(tokens=10, train_loss=1.0, learning_rate=1.0, grad_norm=1.0, tokens_per_second=1.0)
    desk.receive("a", 0, [sign.model_dump_json()])
    assert watching.events[-1] == ("progress", record.id)


def test_only_rungs_are_judged() -> None:
    source = Judging([TrialRecord(fake_spec(rungs=(200,)))])
    desk = opened(source)
    desk.hand_out("a")
    assert desk.receive("a", 0, texts(100, 200, 300))
    assert source.judged == [200]


def test_a_pruned_trial_is_stopped_and_says_why() -> None:
    record = TrialRecord(fake_spec(rungs=(200,)))
    source = Judging([record], prune_at=200)
    desk = opened(source)
    desk.hand_out("a")
    assert desk.receive("a", 0, texts(100))
    assert not desk.receive("a", 1, texts(200))
    desk.complete("a")
    assert (record.state, record.reason, source.over) == ("pruned", "too high", ["pruned"])


def test_a_trial_that_is_left_is_paused_and_says_why() -> None:
    record = TrialRecord(fake_spec(rungs=(200,)))
    source = Leaving([record], prune_at=200)
    desk = opened(source)
    desk.hand_out("a")
    assert desk.leaves
    assert not desk.receive("a", 0, texts(200))
    desk.complete("a")
    assert (record.state, record.reason, source.over) == ("paused", "others first", ["paused"])


def test_who_stands_by_is_woken_when_a_source_that_waited_hears_of_an_end() -> None:
    records = [TrialRecord(fake_spec(seed)) for seed in range(2)]
    source = Leaving(records[:1])
    desk = opened(source)
    desk.hand_out("a")
    assert desk.hand_out("b") is None
    before = desk.generation
    desk.receive("a", 0, [*texts(300), end()])
    desk.complete("a")
    assert desk.generation > before


def test_a_paused_trial_that_is_over_is_told_to_the_observers() -> None:
    record, watching = TrialRecord(fake_spec()), Watching()
    desk = Desk([watching])
    record.state = "pruned"
    desk.settle(record)
    assert watching.events == [("pruned", record.id)]


def test_a_failure_keeps_cause_and_reason_and_is_not_repeated() -> None:
    record = TrialRecord(fake_spec())
    desk = opened(FixedTrials([record]))
    desk.hand_out("a")
    failure = Failure(cause="diverged", reason="loss is nan", tokens=100, repeatable=True)
    desk.receive("a", 0, [failure.model_dump_json()])
    desk.complete("a")
    assert (record.state, record.reason) == ("failed", "diverged: loss is nan")
    assert desk.hand_out("b") is None


def test_a_lost_trial_is_handed_out_again_before_new_ones() -> None:
    records = [TrialRecord(fake_spec(seed)) for seed in range(2)]
    desk = opened(FixedTrials(records))
    desk.hand_out("a")
    generation = desk.generation
    desk.complete("a", "ActorDiedError")
    assert desk.generation > generation  # wakes proxies that stand by
    assert desk.hand_out("b") is records[0]
    assert (records[0].state, records[0].attempts) == ("running", 2)
    assert desk.hand_out("c") is records[1]


def test_a_trial_that_is_lost_three_times_has_failed() -> None:
    record = TrialRecord(fake_spec())
    source = Judging([record])
    desk = opened(source)
    for key in range(MAX_HAND_OUTS):
        assert desk.hand_out(str(key)) is record
        desk.complete(str(key), "ActorDiedError")
    assert desk.hand_out("again") is None
    assert (record.state, record.reason) == ("failed", "error: lost 3 times in a row (ActorDiedError)")
    assert source.over == ["failed"]
    assert desk.abandoned() == [record.id]
    assert desk.abandoned() == []


def test_a_trial_that_gets_on_between_losses_is_never_given_up() -> None:
    record = TrialRecord(fake_spec())
    desk = opened(FixedTrials([record]))
    for key in range(2 * MAX_HAND_OUTS):
        assert desk.hand_out(str(key)) is record
        desk.receive(str(key), 0, texts(100 * (key + 1)))
        desk.complete(str(key), "ActorDiedError")
    assert (record.state, record.attempts) == ("running", 2 * MAX_HAND_OUTS)


def test_what_a_trial_survives_is_said() -> None:
    record, watching = TrialRecord(fake_spec()), Watching()
    desk = opened(FixedTrials([record]), watching)
    desk.hand_out("a")
    desk.receive("a", 0, [Trouble(reason="its workers died").model_dump_json()])
    desk.complete("a", "no sign of life for 5 s")
    assert watching.notices == ["its workers died", "lost its lane (no sign of life for 5 s); attempt 2 follows"]


def test_what_was_measured_before_a_checkpoint_is_taken_in_where_it_was_never_heard_of() -> None:
    record, watching = TrialRecord(fake_spec(), measurements=[measurement(100, 1.0)]), Watching()
    desk = opened(FixedTrials([record]), watching)
    desk.hand_out("a")
    told = tuple(measurement(tokens, 7.0) for tokens in (100, 200))
    desk.receive("a", 0, [Resumed(tokens=200, measurements=told, passed_over=("step-3.pt",)).model_dump_json()])
    assert [(m.tokens, m.loss("code")) for m in record.measurements] == [(100, 1.0), (200, 7.0)]
    assert [name for name, _ in watching.events] == ["started", "measured 200"]
    assert watching.notices == ["checkpoint step-3.pt is damaged and passed over; goes on from 200 tokens"]


def test_an_end_is_written_down_before_the_study_hears_of_it() -> None:
    order: list[str] = []

    class Telling(FixedTrials):
        def ended(self, record: TrialRecord) -> None:
            order.append("study")

    class Writing(Watching):
        def trial_ended(self, record: TrialRecord) -> None:
            order.append("record")

    desk = opened(Telling([TrialRecord(fake_spec())]), Writing())
    desk.hand_out("a")
    desk.receive("a", 0, [end()])
    desk.complete("a")
    assert order == ["record", "study"]


def test_a_trial_whose_machine_is_gone_goes_on_elsewhere_however_often() -> None:
    records = [TrialRecord(fake_spec(seed)) for seed in range(2)]
    desk = opened(FixedTrials(records))
    for key in range(MAX_HAND_OUTS + 2):
        assert desk.hand_out(str(key)) is records[0]
        desk.move(str(key))
    assert records[0].state == "running"
    assert not desk.over


def test_a_closed_desk_leaves_a_trial_whose_machine_is_gone_paused() -> None:
    record = TrialRecord(fake_spec())
    desk = opened(FixedTrials([record]))
    desk.hand_out("a")
    desk.close()
    desk.move("a")
    assert (record.state, desk.over) == ("paused", True)


def by_seed(record: TrialRecord) -> str:
    """Even seeds run on large lanes."""
    return "small" if record.spec.seed % 2 else "large"


def in_classes(seeds: list[int], **room: int) -> tuple[Desk, list[TrialRecord]]:
    records = [TrialRecord(fake_spec(seed)) for seed in seeds]
    desk = Desk([], by_seed)
    desk.make_room(room)
    desk.open(FixedTrials(records))
    return desk, records


def test_a_class_without_room_does_not_hold_up_the_others() -> None:
    desk, (large, other_large, small) = in_classes([0, 2, 1], large=1, small=2)
    assert [desk.hand_out(key) for key in "abc"] == [large, small, None]
    desk.complete("a")
    assert desk.hand_out("d") is other_large


def test_no_more_trials_are_taken_from_the_source_than_there_is_room_for() -> None:
    desk, records = in_classes([0, 2, 4, 6, 1], large=0, small=2)
    assert desk.hand_out("a") is None  # two large ones wait
    assert desk.wanted() == {"large": 5}
    desk.make_room({"large": 1, "small": 0})
    assert [desk.hand_out("b"), desk.hand_out("c")] == [records[0], None]


def test_wanted_lanes_are_those_of_trials_out_waiting_and_still_to_come() -> None:
    desk, _ = in_classes([0, 1, 3, 5], large=1, small=1)
    assert desk.wanted() == {}  # nobody has asked yet
    desk.hand_out("a")
    assert desk.wanted() == {"large": 4}  # what is still to come may be large too
    desk.hand_out("b")
    assert desk.wanted() == {"large": 3, "small": 3}
    desk.close()
    assert desk.wanted() == {"large": 1, "small": 1}


def test_proxies_are_as_many_as_trials_may_be_out_and_one_at_least() -> None:
    desk, _ = in_classes([], large=2, small=3)
    assert desk.proxies == 5
    desk.make_room({"large": 0, "small": 0})
    assert desk.proxies == 1


def test_new_room_wakes_proxies_that_stand_by() -> None:
    desk, _ = in_classes([0], large=0)
    generation = desk.generation
    desk.make_room({"large": 1})
    assert desk.generation > generation
    generation = desk.generation
    desk.make_room({"large": 0})
    assert desk.generation == generation


def test_a_trial_that_ended_before_its_lane_was_lost_is_not_run_again() -> None:
    record = TrialRecord(fake_spec())
    desk = opened(FixedTrials([record]))
    desk.hand_out("a")
    desk.receive("a", 0, [end()])
    desk.complete("a", "ActorDiedError")
    assert record.state == "completed"
    assert desk.wait(0)


def test_a_closed_desk_hands_nothing_out_and_leaves_running_trials_paused() -> None:
    records = [TrialRecord(fake_spec(seed)) for seed in range(4)]
    source = Judging(records)
    desk = opened(source)
    for key in "abc":
        desk.hand_out(key)
    desk.close()
    assert desk.closing
    assert desk.hand_out("d") is None
    desk.receive("a", 0, [end("paused")])
    desk.complete("a")
    desk.complete("b", "ActorDiedError")  # it was too slow to write a checkpoint
    assert not desk.over
    desk.complete("c")  # its lane never came
    assert desk.over
    assert [record.state for record in records[:3]] == ["paused"] * 3


def test_a_phase_is_over_when_its_trials_are() -> None:
    desk = opened(FixedTrials([TrialRecord(fake_spec())]))
    assert not desk.wait(0)  # not handed out
    desk.hand_out("a")
    assert not desk.wait(0)  # in flight
    desk.complete("a", "lost")
    assert not desk.wait(0)  # to be handed out again
    desk.hand_out("b")
    desk.complete("b")
    assert desk.wait(0)


def test_whoever_waits_hears_of_the_end_at_once() -> None:
    desk = opened(FixedTrials([TrialRecord(fake_spec())]))
    desk.hand_out("a")
    threading.Timer(0.01, desk.complete, ["a"]).start()
    assert desk.wait(60)


def test_what_broke_is_raised_where_the_phase_waits() -> None:
    desk = opened(FixedTrials([TrialRecord(fake_spec())]))
    desk.broke(OSError("no space"))
    with pytest.raises(OSError, match="no space"):
        desk.wait(60)


def test_messages_of_a_trial_that_is_not_in_flight_stop_it() -> None:
    assert not opened(FixedTrials([])).receive("a", 0, texts(100))


def test_pickling_gives_an_empty_desk_and_copying_the_same() -> None:
    desk = opened(FixedTrials([TrialRecord(fake_spec())]))
    assert copy.deepcopy(desk) is desk
    other = pickle.loads(pickle.dumps(desk))
    assert isinstance(other, Desk)
    assert other.hand_out("a") is None


def test_what_goes_wrong_in_a_call_of_tunes_is_raised_where_the_phase_waits() -> None:
    class Full(Watching):
        def measured(self, record: TrialRecord, measurement: Measurement) -> None:
            raise OSError(28, "No space left on device")

    desk = opened(FixedTrials([TrialRecord(fake_spec())]), Full())
    desk.hand_out("a")
    assert not desk.receive("a", 0, texts(100))  # the trial is to stop
    with pytest.raises(OSError, match="No space left"):
        desk.wait(1)
    desk.close()
    desk.complete("a")
    assert desk.over
