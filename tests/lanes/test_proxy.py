"""How a proxy passes messages on; its lane is played by a list."""

import json

from sweeper.lanes.proxy import TrialProxy
from tests.lanes.fake_trials import finished, measurement
from trainers.messages import Progress

SIGN = Progress(tokens=10, train_loss=1.0, learning_rate=1.0, grad_norm=1.0, tokens_per_second=1.0).model_dump_json()


def at(tokens: int) -> str:
    return measurement(tokens, 1.0).model_dump_json()


def proxy(*rungs: int) -> TrialProxy:
    made = TrialProxy.__new__(TrialProxy)  # without Tune's own set-up
    made.setup({"spec": json.dumps({"rungs": rungs})})
    made._rungs = set(rungs)
    return made


def test_messages_between_rungs_go_in_one_batch() -> None:
    trial = proxy(300)
    assert trial._batch([SIGN, at(100), SIGN, at(200)]) == [SIGN, at(100), SIGN, at(200)]
    assert (trial._read, trial._waiting_at) == (4, None)


def test_a_batch_ends_at_a_rung_which_the_trial_waits_for() -> None:
    trial = proxy(200)
    messages = [at(100), at(200), SIGN, at(300)]
    assert trial._batch(messages) == messages[:2]
    assert (trial._read, trial._waiting_at) == (2, 200)


def test_what_is_behind_a_rung_comes_in_the_next_batch() -> None:
    trial = proxy(200)
    end = finished("completed", 300).model_dump_json()
    messages = [at(200), end]
    first = trial._batch(messages)
    trial._waiting_at = None
    assert first + trial._batch(messages[trial._read :]) == messages
    assert trial._waiting_at is None
