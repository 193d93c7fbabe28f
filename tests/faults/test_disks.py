"""Full and read-only disks, and data that goes away."""

import shutil
from pathlib import Path

import pytest

from tests.faults.conftest import Make
from tests.faults.disks import fill, read_only, small_disk
from tests.faults.sweeps import Sweep, of_role

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(900)]


def test_a_disk_that_fills_up_stops_the_sweep_and_the_same_command_goes_on(
    make_sweep: Make, undisturbed: Sweep, tmp_path: Path
) -> None:
    sweep = make_sweep()
    with small_disk(tmp_path / "disk", "64m") as disk:
        sweep.output = disk / "out"
        sweep.harm(sleep=0.1)
        process = sweep.begin()
        sweep.wait_for(process, lambda records: bool(of_role(records, "law", "running")))
        filler = fill(disk)
        assert process.wait(300) == 2
        assert "No space left on device; free some space there, then the same command goes on" in sweep.said
        assert "Traceback" not in sweep.said
        filler.unlink()
        assert sweep.run() == 0, sweep.said
        sweep.assert_whole(undisturbed)


def test_checkpoints_that_cannot_be_written_cost_no_result(make_sweep: Make, undisturbed: Sweep) -> None:
    sweep = make_sweep()
    sweep.harm(law={"kind": "small files"})
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)
    assert "no checkpoint could be written: OSError: [Errno 27] File too large" in sweep.said


def test_a_read_only_output_folder_is_refused(make_sweep: Make, undisturbed: Sweep) -> None:
    sweep = make_sweep()
    sweep.output.mkdir()
    with read_only(sweep.output):
        assert sweep.run() == 2
    assert f"error: {sweep.output}" in sweep.said
    assert "Read-only file system; give a folder that can be written to" in sweep.said
    assert "Traceback" not in sweep.said
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)


def test_an_output_folder_that_becomes_read_only_stops_the_sweep(make_sweep: Make, undisturbed: Sweep) -> None:
    sweep = make_sweep()
    sweep.harm(sleep=0.1)
    process = sweep.begin()
    sweep.wait_for(process, lambda records: bool(of_role(records, "law", "running")))
    with read_only(sweep.output):
        assert process.wait(300) == 2
    assert "Read-only file system" in sweep.said
    assert "Traceback" not in sweep.said
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)


def test_a_file_where_the_output_folder_should_be_is_refused(make_sweep: Make) -> None:
    sweep = make_sweep()
    sweep.output.write_text("in the way")
    assert sweep.run() == 2
    assert f"{sweep.output}: File exists; a file stands where a folder is needed" in sweep.said


@pytest.mark.parametrize("change", ["deleted", "changed"])
def test_a_source_that_goes_away_in_mid_run_changes_nothing_of_that_run(
    change: str, make_sweep: Make, undisturbed: Sweep
) -> None:
    sweep = make_sweep()
    sweep.harm(sleep=0.1)
    process = sweep.begin()
    sweep.wait_for(process, lambda records: bool(of_role(records, "search", "running")))
    source = sweep.folder / "domain.jsonl"
    whole = source.read_text()
    if change == "deleted":
        source.unlink()
    else:
        source.write_text(whole[: len(whole) // 2])
    assert process.wait(300) == 0, sweep.said
    sweep.assert_whole(undisturbed)
    if change == "deleted":
        assert sweep.run() == 2
        assert "domain.jsonl" in sweep.said.splitlines()[-1]
    source.write_text(whole)
    assert sweep.run() == 0
    assert sweep.computed == 0


def test_packed_text_that_goes_away_in_mid_run_is_named_and_made_again(
    make_sweep: Make, undisturbed: Sweep, tmp_path: Path
) -> None:
    sweep = make_sweep()
    shutil.copytree(sweep.cache, tmp_path / "cache", dirs_exist_ok=True)
    sweep.cache = tmp_path / "cache"
    sweep.harm(sleep=0.1)
    process = sweep.begin()
    sweep.wait_for(process, lambda records: bool(of_role(records, "search", "completed")))
    for folder in (sweep.cache / "corpora").iterdir():
        shutil.rmtree(folder)
    assert process.wait(300) == 1
    assert "has no meta.json; run `python -m sweeper prepare` again" in sweep.said
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)


def test_shared_memory_without_room_changes_nothing(make_sweep: Make, undisturbed: Sweep) -> None:
    """A Ray of its own, in a mount namespace whose /dev/shm holds one megabyte, all of it taken."""
    sweep = make_sweep()
    sweep.address = None
    full = 'mount -t tmpfs -o size=1m small /dev/shm; head -c 2M /dev/zero > /dev/shm/filler; exec "$@"'
    sweep.prefix = ("unshare", "--mount", "sh", "-c", full, "sh")
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)
