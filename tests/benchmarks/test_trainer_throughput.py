import pytest

from benchmarks.peak_flops import bf16_peak
from benchmarks.trainer_throughput import CPU_SMALL, Comparison, comparison, line, utilisation
from benchmarks.training_sides import Outcome, TrainingCase

CASE = TrainingCase("case", CPU_SMALL, "full", "bf16", length=256, batch=8, micro=8, steps=10)


def done() -> Comparison:
    sides = {"ours": [Outcome(300.0, 50, 1.5), Outcome(200.0, 50, 1.5)], "trainer": [Outcome(100.0, 100, 1.5)] * 2}
    return comparison(CASE, sides)


def test_ratios_are_of_paired_repeats() -> None:
    assert (done().ratio, done().ratio_range, done().memory_ratio) == (2.5, (2.0, 3.0), 0.5)


def test_utilisation_is_the_models_operations_over_the_peak() -> None:
    assert utilisation(done(), token_flops=4e9, peak=1e12) == {"ours": 1.0, "trainer": 0.4}
    assert "utilisation" not in line(done())


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA T4", None),
    ],
)
def test_a_gpus_peak_is_known_by_its_name(name: str, peak: float | None) -> None:
    assert bf16_peak(name) == peak
