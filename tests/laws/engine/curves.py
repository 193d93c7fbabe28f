"""Measured curves of one corpus, made from the anchored law itself."""

import numpy as np

from sweeper.laws.engine.evidence import CurvePoints, Design, Evidence
from sweeper.laws.engine.wander import Variants
from sweeper.laws.forms.anchored import Anchored

SHAPE = np.array([0.1, np.log(3e-3), np.log(0.1), np.log(0.1), 0.5, 0.3, 0.8])
AMPLITUDES = np.array([0.01, 0.08, 0.07, 0.02])
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
TIMES = tuple(np.linspace(0.1, 1.0, 8))


def points(shares=SHARES, times=TIMES, sizes=(0.0,)):
    grid = np.array([(s, r, t) for s in sizes for r in shares for t in times])
    kind = np.zeros((len(grid), 3))
    kind[:, 0] = grid[:, 0]
    return CurvePoints(grid[:, 2], grid[:, 1], 0.9 * grid[:, 2], kind)


def evidence(at=None, noise=0.001, seed=0, amplitudes=AMPLITUDES, shape=SHAPE, base_known=True):
    at = points() if at is None else at
    rng = np.random.default_rng(seed)
    run = np.unique(np.stack([at.kind[:, 0], at.share]), axis=1, return_inverse=True)[1].astype(np.int64)
    truth = Anchored().basis(shape, at.area, at.share, at.annealed) @ amplitudes
    y = truth + rng.normal(0, noise, len(at))
    if not base_known:
        at = CurvePoints(at.area, at.share, at.annealed, at.kind, base_known=False)
        y = y + 1.3
    design = Design(Anchored(), at, Variants(np.unique(at.kind, axis=0)))
    return Evidence(design, y, run, np.ones(len(at)), 0.0 if base_known else float(y.max()))
