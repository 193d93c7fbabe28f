from collections.abc import Iterator
from itertools import islice

import pytest

from sweeper.cli import doctor
from sweeper.cli.doctor import Finding
from tests.cli.call import call


def examined(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    def examine(address: str | None) -> Iterator[Finding]:
        yield from findings

    monkeypatch.setattr(doctor, "examine", examine)


WELL, ILL = Finding("disk", True, "90 GiB free"), Finding("memory", False, "1 GiB free", "use a larger machine")


def test_all_well_exits_with_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    examined(monkeypatch, WELL)
    called = call(capsys, "doctor")
    assert (called.code, called.out) == (0, "ok  disk: 90 GiB free\n")


def test_what_is_wrong_comes_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examined(monkeypatch, WELL, ILL)
    called = call(capsys, "doctor")
    assert called.code == 1
    assert "BAD memory: 1 GiB free; use a larger machine" in called.out


def test_json_is_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    examined(monkeypatch, WELL, ILL)
    called = call(capsys, "doctor", "--json")
    assert called.code == 1
    assert called.json["ok"] is False
    assert [finding["what"] for finding in called.json["findings"]] == ["disk", "memory"]


def test_every_needed_package_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package-anywhere"))
    found = {finding.what: finding for finding in islice(doctor.examine(None), 3)}
    assert found["numpy"].ok
    assert found["no-such-package-anywhere"] == Finding(
        "no-such-package-anywhere", False, "not installed", "run `make install`"
    )


def test_little_memory_and_disk_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED_MEMORY", 10**18)
    monkeypatch.setattr(doctor, "NEEDED_DISK", 10**18)
    assert not doctor._memory().ok
    assert not doctor._disk().ok


def test_four_bit_layers_are_tried_out() -> None:
    found = doctor._attempt("NF4", doctor._nf4)
    assert found.ok
    assert found.found.startswith("relative error")


def test_whatever_goes_wrong_is_the_finding() -> None:
    found = doctor._attempt("thing", lambda: str(1 // 0))
    assert (found.ok, found.found) == (False, "ZeroDivisionError: integer division or modulo by zero")
