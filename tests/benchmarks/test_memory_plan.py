from pathlib import Path

import pytest

from benchmarks.memory_plan import GIVES_BACK, SMALL, MemoryCase, Outcome, peak_of, summary, tiny, trial
from trainers.estimate.estimate import estimate


def test_a_real_trial_takes_what_was_predicted(tmp_path: Path) -> None:
    config = SMALL | {"vocab_size": 16384, "num_hidden_layers": 1}
    case = MemoryCase("full", config, "full", "fp32", length=128, micro=2)
    spec, warm = trial(case, tmp_path / "case"), trial(tiny(case), tmp_path / "tiny")
    measured = peak_of(spec, warm, "cpu", GIVES_BACK)
    assert measured > 64 * 2**20  # large enough for a process' odds and ends not to matter
    assert estimate(spec).peak == pytest.approx(measured, rel=0.2)


def test_the_last_line_has_the_worst_case() -> None:
    done = [Outcome("a", 90.0, 100.0, -0.1, 180.0), Outcome("b", 105.0, 100.0, 0.05, 105.0)]
    said = summary(done, "cpu")
    assert said["worst_error"] == 0.1
    assert said["default_allocator"] == 2.0
    assert summary([Outcome("a", 90.0, 100.0, -0.1, None)], "cuda")["default_allocator"] is None
