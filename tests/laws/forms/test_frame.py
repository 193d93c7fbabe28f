import json
from dataclasses import asdict, replace

import numpy as np

from sweeper.laws.forms.law import Frame, frame_of
from sweeper.laws.tables.points import Points


def four_points():
    known = {"learning_rate": np.array([1e-3, 2e-3, 4e-3, np.nan]), "lora_r": np.array([np.nan, 8.0, 32.0, 8.0])}
    return Points(
        params=np.array([1e6, 1e6, 4e6, 4e6]),
        tokens=np.array([1e4, 2e4, 2e4, 5e4]),
        share=np.array([0.01, 0.5, 0.5, 1.0]),
        lr_area=np.ones(4),
        annealed=np.zeros(4),
        base_loss=np.array([4.0, 4.2, np.nan, 5.0]),
        decline=np.array([1e-5, 2e-5, 3e-5, 4e-5]),
        method=np.array(["full", "lora", "lora", "lora"]),
        **known,
    )


def test_the_frame_says_what_was_measured():
    frame = frame_of(four_points(), np.array([4.0, 3.9, 3.8, 4.1]))
    assert frame.sizes == (1e6, 4e6) and frame.tokens == 5e4 and frame.loss == 4.1 and not frame.powers
    assert frame.near_zero and frame.ratios == 3 and frame.token_counts == 3 and not frame.decayed
    assert frame.methods == ("full", "lora") and frame.ranks == 2 and frame.rank == 32.0 and frame.rates == (1e-3, 4e-3)
    assert frame.base_loss == 4.2 and frame.decline == 2.5e-5


def test_what_is_unknown_leaves_units_of_one():
    points = replace(
        four_points(), base_loss=np.full(4, np.nan), lora_r=np.full(4, np.nan), learning_rate=np.full(4, np.nan)
    )
    frame = frame_of(points, np.ones(4))
    assert (frame.base_loss, frame.ranks, frame.rank, frame.rates) == (1.0, 0, 1.0, (1.0, 1.0))


def test_a_frame_survives_json():
    frame = frame_of(four_points(), np.ones(4))
    assert Frame(**json.loads(json.dumps(asdict(frame)))) == frame
