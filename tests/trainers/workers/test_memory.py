import numpy as np
import torch

from trainers.workers.memory import peak_bytes, reset_peak

CPU = torch.device("cpu")
SIZE = 200 * 2**20


def test_the_peak_is_that_of_this_trial_and_not_of_the_one_before() -> None:
    reset_peak(CPU)
    before = peak_bytes(CPU)
    block = np.ones(SIZE, dtype=np.uint8)
    assert peak_bytes(CPU) >= before + SIZE * 0.9
    del block
    reset_peak(CPU)
    assert peak_bytes(CPU) <= before + SIZE * 0.5
