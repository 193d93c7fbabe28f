"""A law that is a straight line in the share, whose fits can be computed by hand."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.engine.objective import Problem
from sweeper.laws.forms.formula import FormulaLaw, Stated
from sweeper.laws.forms.law import Frame, frame_of
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class Straight(FormulaLaw):
    """loss = level + slope * share^power; power is held at 1 unless `bent`."""

    frame: Frame
    lowest: float = -5.0
    bent: bool = False
    prior_sd: float = np.inf
    prior_mean: float = 0.0
    name = "straight"
    formula = "L = level + slope r^power"
    source = "none"

    def parameters(self):
        power = Stated("power", 0.5, 2.0, (0.6, 1.9), 1.0, 1.0) if self.bent else Stated("power", 1.0, 1.0, (1.0, 1.0))
        return (
            Stated("level", 0.0, 10.0, (1.0, 3.0), linear=True),
            Stated("slope", self.lowest, 5.0, (-1.0, 1.0), self.prior_mean, self.prior_sd, linear=True),
            power,
        )

    def loss(self, values, points):
        return values["level"] + values["slope"] * points.share ** values["power"]


def straight_problem(share, loss, **options):
    """The problem of those shares and losses; options go to the law or the problem."""
    share, loss = np.asarray(share, float), np.asarray(loss, float)
    same = np.ones(len(share))
    points = Points(params=same, tokens=same, share=share, lr_area=same, annealed=0 * same, base_loss=same * np.nan)
    of_law = {name: options.pop(name) for name in ("lowest", "bent", "prior_sd", "prior_mean") if name in options}
    return Problem(Straight(frame_of(points, loss), **of_law), points, np.log(loss), **options)
