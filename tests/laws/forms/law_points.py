"""Points with every column that any law asks for, and frames that go with them."""

import numpy as np

from sweeper.laws.forms.law import Frame, frame_of
from sweeper.laws.tables.points import Points


def random_points(seed=0, count=40, sizes=(1e6, 2e6, 4e6)):
    rng = np.random.default_rng(seed)
    tokens = np.exp(rng.uniform(np.log(1e4), np.log(1e6), count))
    adapter = rng.random(count) < 0.5
    return Points(
        params=rng.choice(sizes, count),
        tokens=tokens,
        share=rng.choice([0.05, 0.2, 0.5, 0.8, 1.0], count),
        lr_area=tokens,
        annealed=np.zeros(count),
        base_loss=rng.uniform(3.0, 5.0, count),
        unique_tokens=tokens / rng.choice([1.0, 2.0, 8.0], count),
        learning_rate=np.exp(rng.uniform(np.log(1e-4), np.log(1e-2), count)),
        lora_r=np.where(adapter, rng.choice([4.0, 16.0, 64.0], count), np.nan),
        decline=np.exp(rng.normal(-11.0, 0.5, count)),
        method=np.where(adapter, "lora", "full"),
    )


def random_frame(sizes=(1e6, 2e6, 4e6)) -> Frame:
    points = random_points(sizes=sizes)
    return frame_of(points, np.full(len(points), 5.0))


def with_values(law, **given):
    """(1, p) parameters of a law by name."""
    return np.array([[given[name] for name in law.names]])
