import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.tiny import LENGTH, Driver, run
from trainers.__main__ import main
from trainers.messages import MESSAGE, Finished
from trainers.spec import TrialSpec
from trainers.state.trunk import branch, trunk_id

Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH
METHODS = [
    {"method": "full"},
    {"method": "lora", "lora": {"r": 4, "alpha": 8.0, "dropout": 0.2}, "learning_rate": 2e-2},
    {"method": "qlora", "learning_rate": 2e-2},
]


@pytest.fixture
def make_trunk(make_spec: Make, tmp_path: Path) -> Make:
    """A constant rate for 12 steps, kept after 6 and 9."""

    def make(**changes: Any) -> TrialSpec:
        base = {
            "schedule": {"warmup_tokens": 2 * STEP},
            "branch_path": str(tmp_path / "kept"),
            "branch_points": (6 * STEP - 1, 9 * STEP),
            "evaluate_at": (),
        }
        return make_spec(**base | changes)

    return make


def finished(spec: TrialSpec, verdicts: dict[int, str] | None = None) -> tuple[Finished, Driver]:
    end, driver = run(spec, verdicts)
    assert isinstance(end, Finished), end
    return end, driver


@pytest.mark.parametrize("changes", METHODS, ids=["full", "lora with dropout", "qlora"])
def test_a_branch_loses_bit_for_bit_what_the_same_trial_loses_from_the_start(
    make_trunk: Make, changes: dict[str, Any]
) -> None:
    trunk = make_trunk(**changes)
    finished(trunk)
    for at in (6, 9):
        spec = branch(trunk, at * STEP, 4 * STEP)
        end, driver = finished(spec)
        whole, straight = finished(spec.model_copy(update={"branch_path": None}))
        assert driver.curve() == straight.curve()
        assert driver.measurements[0].lr_area == straight.measurements[0].lr_area
        assert driver.measurements[0].unique_tokens == straight.measurements[0].unique_tokens
        assert (end.tokens, end.started_at_tokens) == ((at + 4) * STEP, at * STEP)
        assert whole.started_at_tokens == 0


def test_only_a_trunks_branch_points_are_kept_and_they_stay(make_trunk: Make, tmp_path: Path) -> None:
    trunk = make_trunk(checkpoint_path=str(tmp_path / "own"), checkpoint_seconds=0, evaluate_at=(STEP,))
    finished(trunk)
    kept = tmp_path / "kept" / trunk_id(trunk)
    assert sorted(path.name for path in kept.iterdir()) == ["step-000000006", "step-000000009"]
    finished(branch(trunk, 9 * STEP, STEP))
    assert len(list(kept.glob("*/*"))) == 2
    assert not (tmp_path / "own").exists()


def test_a_branch_begins_at_the_last_state_before_its_decay(make_trunk: Make) -> None:
    trunk = make_trunk()
    finished(trunk)
    assert finished(branch(trunk, 8 * STEP, STEP))[0].started_at_tokens == 6 * STEP
    assert finished(branch(trunk, 11 * STEP, STEP))[0].started_at_tokens == 9 * STEP


def test_a_damaged_state_is_passed_over_for_the_one_before(
    make_trunk: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trunk = make_trunk()
    finished(trunk)
    (file,) = (tmp_path / "kept" / trunk_id(trunk) / "step-000000009").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    spec = branch(trunk, 9 * STEP, STEP)
    with caplog.at_level(logging.WARNING, "trainers"):
        end, driver = finished(spec)
    assert "is damaged" in caplog.text
    assert end.started_at_tokens == 6 * STEP
    assert driver.curve() == finished(spec.model_copy(update={"branch_path": None}))[1].curve()


def test_without_a_kept_state_a_branch_trains_from_the_start_and_says_so(
    make_trunk: Make, caplog: pytest.LogCaptureFixture
) -> None:
    finished(make_trunk(seed=8))
    with caplog.at_level(logging.WARNING, "trainers"):
        end, _ = finished(branch(make_trunk(), 6 * STEP, STEP))
    assert end.started_at_tokens == 0
    assert "trained from the start" in caplog.text


def test_evaluations_before_the_branch_point_are_left_to_the_trunk(make_trunk: Make) -> None:
    trunk = make_trunk(evaluate_at=(4 * STEP, 6 * STEP))
    _, before = finished(trunk)
    spec = branch(trunk, 6 * STEP, 4 * STEP)
    spec = spec.model_copy(update={"evaluate_at": (4 * STEP, 6 * STEP, 8 * STEP)})
    _, driver = finished(spec)
    assert [m.tokens for m in driver.measurements] == [6 * STEP, 8 * STEP, 10 * STEP]
    _, straight = finished(spec.model_copy(update={"branch_path": None}))
    assert driver.curve() == straight.curve()[1:]
    assert before.measurements[1].step == 6


def test_a_branchs_own_checkpoint_wins_where_it_is_further(make_trunk: Make, tmp_path: Path) -> None:
    trunk = make_trunk()
    finished(trunk)
    spec = branch(trunk, 6 * STEP, 6 * STEP)
    spec = spec.model_copy(update={"checkpoint_path": str(tmp_path / "own"), "evaluate_at": (9 * STEP,)})
    paused, first = finished(spec, {9 * STEP: "pause"})
    assert (paused.state, paused.tokens) == ("paused", 9 * STEP)
    end, second = finished(spec)
    assert (end.tokens, end.started_at_tokens) == (12 * STEP, 6 * STEP)
    _, straight = finished(spec.model_copy(update={"branch_path": None}))
    assert first.curve() + second.curve() == straight.curve()


def test_a_trunk_never_begins_at_its_own_states_and_so_measures_all_of_itself(make_trunk: Make) -> None:
    fields = {"schedule": {"type": "wsd", "warmup_tokens": 2 * STEP, "decay_tokens": 3 * STEP}, "evaluate_at": (STEP,)}
    _, first = finished(make_trunk(**fields))
    end, again = finished(make_trunk(**fields))
    assert again.curve() == first.curve()
    assert end.started_at_tokens == 0


def test_the_verb_trains_the_branches_one_after_another(
    make_trunk: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trunk = make_trunk()
    finished(trunk)
    file = tmp_path / "trunk.json"
    file.write_text(json.dumps(trunk.model_dump(mode="json")), encoding="utf-8")
    assert main(["branch", str(file), "--at", f"{6 * STEP},0.576k", "--decay-tokens", str(STEP)]) == 0
    messages = [MESSAGE.validate_json(line) for line in capsys.readouterr().out.splitlines()]
    ends = [m for m in messages if isinstance(m, Finished)]
    assert [(m.tokens, m.started_at_tokens) for m in ends] == [(7 * STEP, 6 * STEP), (10 * STEP, 9 * STEP)]


@pytest.mark.parametrize(("at", "decay", "wrong"), [("1x", "1k", "1x"), ("1k", "0", "0")])
def test_the_verb_refuses_what_is_no_number_of_tokens(
    at: str, decay: str, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["branch", "trunk.json", "--at", at, "--decay-tokens", decay])
    assert f"'{wrong}' is no number of tokens ≥ 1; write 250000, 250k or 1.5M" in capsys.readouterr().err
