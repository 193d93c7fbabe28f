"""A journal whose last line a full disk, or a power cut, has left half written."""

from pathlib import Path

import optuna
import pytest

from sweeper.search.journal import open_study


def opened(path: Path) -> optuna.Study:
    return open_study(path, "s", optuna.pruners.NopPruner())


@pytest.mark.parametrize("length", [1, 40, 200_000])
def test_half_a_line_is_cut_off_and_what_was_written_before_it_is_there(length: int, tmp_path: Path) -> None:
    journal = tmp_path / "study.log"
    opened(journal).add_trial(optuna.trial.create_trial(value=1.0))
    whole = journal.read_bytes()
    journal.write_bytes(whole + b"{" * length)
    opened(journal).add_trial(optuna.trial.create_trial(value=2.0))
    assert [trial.value for trial in opened(journal).trials] == [1.0, 2.0]
    assert journal.read_bytes().startswith(whole)


def test_a_journal_of_half_a_line_alone_begins_afresh(tmp_path: Path) -> None:
    journal = tmp_path / "study.log"
    journal.write_bytes(b'{"op_code": 0')
    assert opened(journal).trials == []


def test_a_whole_journal_is_left_as_it_is(tmp_path: Path) -> None:
    journal = tmp_path / "study.log"
    opened(journal)
    before = journal.stat().st_mtime_ns
    opened(journal)
    assert journal.stat().st_mtime_ns == before
