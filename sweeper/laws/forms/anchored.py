"""The anchored law: exact at the base model's loss, able to rise and then fall.

    ln(L / L0) = J S/(S + tau1) + F h S/(S + tau1 h^lambda) - A g(x^eta S/tau2) - C q
    x = (r + eps)/(1 + eps),   h = (x^-s - 1)/s,   g(z) = (1 - (1 + z)^-beta)/beta

S is the area under the learning rate in tokens, q how far the schedule has annealed, r the corpus' own share, L0 its
loss before training. In order:

- restart J: what taking up training again costs at any share, quick;
- shift F: the way to another distribution; h(1) = 0. At lambda = 1 its first slope is the same at every share and the
  smaller the share the longer it goes on, at lambda = 0 it takes as long at every share;
- learning A: a saturating power of the tokens seen of the corpus (eta near 1) or of all tokens (eta near 0); ln(1 + z)
  at beta = 0;
- annealing C.

Given its shape (s, eps, tau1, tau2, eta, beta, lambda) the log loss is linear in the amplitudes J, F, A and C, which
the engine solves exactly (variable projection). Amplitudes may differ by size, method and rank; the shape is shared.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.bends import bend, share_floor, slow_gain

_SMALLEST_BEND = 1e-9
_LARGEST_BEND = 60.0


@dataclass(frozen=True)
class ShapePrior:
    """A shape parameter: what is believed before the data (normal), and the bounds of what makes sense."""

    name: str
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class AmplitudePrior:
    """An amplitude of the change of log loss, normal."""

    name: str
    mean: float
    sd: float


@dataclass(frozen=True)
class Anchored:
    """See the module's text. tau1, tau2 and S are over the largest measured area."""

    name: ClassVar[str] = "anchored"
    formula: ClassVar[str] = (
        "L = L0 exp[J S/(S+tau1) + F h S/(S+tau1 h^lambda) - A g(x^eta S/tau2) - C q], x = (r+eps)/(1+eps), "
        "h = (x^-s - 1)/s, g(z) = (1 - (1+z)^-beta)/beta"
    )
    source: ClassVar[str] = (
        "Anchored law for continual pre-training: exact at tokens = 0; restart, shift, learning, annealing."
    )
    shapes: ClassVar[tuple[ShapePrior, ...]] = (
        ShapePrior("s", 0.0, 0.5, -1.5, 1.2),
        ShapePrior("ln_epsilon", np.log(3e-3), 0.7, np.log(2e-4), np.log(5e-2)),
        ShapePrior("ln_tau1", np.log(0.1), 1.2, np.log(1e-3), np.log(5.0)),
        ShapePrior("ln_tau2", np.log(0.1), 1.5, np.log(1e-4), np.log(20.0)),
        ShapePrior("eta", 0.5, 0.4, 0.0, 1.5),
        ShapePrior("beta", 0.3, 0.2, -0.5, 1.5),
        ShapePrior("lambda", 0.5, 0.4, 0.0, 1.2),
    )
    decayed: bool = True
    """Whether some row was measured in the decay of its schedule."""

    @property
    def amplitudes(self) -> tuple[AmplitudePrior, ...]:
        """Priors of J, F, A and C.

        Half a decay needs a narrow prior of C, else learning that slows passes for annealing below 0. No decay says
        nothing of it: on measured grids one to come gained nothing (peak rate 3e-4) to 0.034 (1e-3).
        """
        annealing = AmplitudePrior("C", 0.015, 0.008) if self.decayed else AmplitudePrior("C", 0.008, 0.012)
        return (
            AmplitudePrior("J", 0.0, 0.03),
            AmplitudePrior("F", 0.07, 0.1),
            AmplitudePrior("A", 0.07, 0.1),
            annealing,
        )

    def basis(self, shape: Floats, area: Floats, share: Floats, annealed: Floats) -> Floats:
        """(n, 4): what one unit of each amplitude adds to the log loss at n points.

        Args:
            shape: (7,) in the order of `shapes`.
            area: (n,) S over the largest measured.
            share: (n,) own share, 0 to 1.
            annealed: (n,) q.
        """
        s, ln_eps, ln_tau1, ln_tau2, eta, beta, lam = shape
        x = share_floor(ln_eps, share)[0]
        h = np.clip(bend(x, s)[0], _SMALLEST_BEND, _LARGEST_BEND)
        tau1 = np.exp(ln_tau1)
        gain = slow_gain(x**eta * area / np.exp(ln_tau2), beta)[0]
        return np.stack([area / (area + tau1), h * area / (area + tau1 * h**lam), -gain, -annealed], axis=1)

    def basis_gradient(self, shape: Floats, area: Floats, share: Floats, annealed: Floats) -> Floats:
        """(7, n, 4) derivatives of `basis` by each shape parameter."""
        s, ln_eps, ln_tau1, ln_tau2, eta, beta, lam = shape
        x, x_eps = share_floor(ln_eps, share)
        h, h_s, h_x = bend(x, s)
        inside = (h > _SMALLEST_BEND) & (h < _LARGEST_BEND)
        h, h_s, h_x = np.clip(h, _SMALLEST_BEND, _LARGEST_BEND), h_s * inside, h_x * inside
        tau1 = np.exp(ln_tau1)
        late = tau1 * h**lam
        shift_h = area / (area + late) * (1.0 - lam * late / (area + late))
        shift_late = -h * area * late / (area + late) ** 2
        z = x**eta * area / np.exp(ln_tau2)
        _, gain_beta, gain_z = slow_gain(z, beta)
        gradient = np.zeros((len(self.shapes), len(area), len(self.amplitudes)))
        gradient[0, :, 1] = shift_h * h_s
        gradient[1, :, 1] = shift_h * h_x * x_eps
        gradient[1, :, 2] = -gain_z * z * eta / x * x_eps
        gradient[2, :, 0] = -area * tau1 / (area + tau1) ** 2
        gradient[2, :, 1] = shift_late
        gradient[3, :, 2] = gain_z * z
        gradient[4, :, 2] = -gain_z * z * np.log(x)
        gradient[5, :, 2] = -gain_beta
        gradient[6, :, 1] = shift_late * np.log(h)
        return gradient
