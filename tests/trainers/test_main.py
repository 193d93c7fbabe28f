import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from trainers import __main__ as command_line
from trainers.__main__ import main
from trainers.messages import MESSAGE, Finished, Measurement
from trainers.spec import TrialSpec

Make = Callable[..., TrialSpec]


def write(folder: Path, text: str) -> str:
    path = folder / "spec.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_prints_every_message_as_a_line_of_json(
    make_spec: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([write(tmp_path, make_spec().model_dump_json())]) == 0
    messages = [MESSAGE.validate_json(line) for line in capsys.readouterr().out.splitlines()]
    assert [type(m) for m in messages if m.kind != "progress"] == [Measurement] * 3 + [Finished]


@pytest.mark.parametrize("text", ["{", '{"role": "dance"}'])
def test_a_file_that_is_no_spec_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main([write(tmp_path, text)]) == 2
    errors = capsys.readouterr().err
    assert all(line.startswith(str(tmp_path / "spec.json")) for line in errors.splitlines())
    assert errors and "Traceback" not in errors and "http" not in errors


def test_a_missing_file_exits_with_2(tmp_path: Path) -> None:
    assert main([str(tmp_path / "none.json")]) == 2


def test_a_spec_that_cannot_be_trained_exits_with_2_and_says_why(
    make_spec: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([write(tmp_path, make_spec(max_seq_length=65).model_dump_json())]) == 2
    captured = capsys.readouterr()
    assert "max_seq_length" in captured.err
    assert json.loads(captured.out.splitlines()[-1])["cause"] == "bad_spec"


def test_the_verb_train_is_what_a_bare_file_means(
    make_spec: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, make_spec(max_tokens=0, evaluate_at=(), mixture={}).model_dump_json())
    kinds = []
    for words in ([path], ["train", path]):
        assert main(words) == 0
        kinds.append([MESSAGE.validate_json(line).kind for line in capsys.readouterr().out.splitlines()])
    assert kinds[0] == kinds[1] == ["measurement", "finished"]


def test_an_unknown_option_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--dance"])
    assert end.value.code == 2
    assert "usage: python -m trainers" in capsys.readouterr().err


def test_plan_spends_nothing(make_spec: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", write(tmp_path, make_spec().model_dump_json())]) == 0
    assert "12" in capsys.readouterr().out


def test_a_misspelt_verb_is_not_taken_for_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["evalute", "model", "text.txt"])
    assert end.value.code == 2
    assert "did you mean 'evaluate'?" in capsys.readouterr().err


def test_only_our_own_log_is_shown_by_us(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ours, before = logging.getLogger("trainers"), logging.getLogger().handlers[:]
    monkeypatch.setattr(ours, "handlers", [])
    monkeypatch.setattr(ours, "level", ours.level)
    monkeypatch.setattr(command_line, "main", lambda: ours.getChild("loop").info("said") or 0)
    assert command_line._script() == 0
    assert capsys.readouterr().err == "said\n"
    assert logging.getLogger().handlers == before  # libraries show their own; a second time would be noise
