"""Learning rate and rank: how far from the best learning rate, and how much an adapter can hold.

    L = M(N, D', r) exp(k x^2/2),    x = ln(rate) - ln(rate*)
    ln(rate*) = c + c_N ln N + c_D ln D + c_rank ln(rank) + c_share (r - 1/2),    c and k of each method
    D' = D/(1 + D/(kappa P)),    P = rank N^(2/3)

M is D-CPT L3. The logarithm of the best learning rate is linear in the logarithms of size, tokens and rank; the loss
near it is quadratic in the logarithm of the learning rate. An adapter of P parameters learns as if from D' tokens, at
most kappa P: too small a rank costs efficiency, and the more so the longer it trains. N, D and rank are over the
largest measured; full weights have D' = D and no term of rank. P is what adapters of one shape have at sizes whose
width grows with the cube root of N.

Sources of the parts: power laws of the best rate in N and D, arXiv 2503.04715; rates of LoRA over those of full weights
between 1 and 33 times, so that each method has its own c; adapter parameters against tokens, Thinking Machines, "LoRA
Without Regret", 2025, and arXiv 2401.05605. The form, and the term of the share, are this program's own.
"""

from dataclasses import dataclass, replace

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.errors import LawError
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.formula import Stated, Values
from sweeper.laws.forms.law import relative_tokens
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

_SLOPES = ("c_N", "c_D", "c_rank", "c_share")
_REACH = np.log(10.0)
"""How far beyond the measured rates the best one may lie, as a logarithm."""
_OF_SHARE = ("C", "eta", "gamma", "ln_epsilon", "c_share")
_MIN_RATIOS = 3
_LARGEST_LOG = 20.0
"""Of the valley: cut, so that a bad start overflows nothing."""


@dataclass(frozen=True)
class TunedRate(DCpt):
    """See the module's text."""

    name = "tuned-rate"
    formula = (
        "L = M(N, D', r) exp(k x^2/2), x = ln rate - (c + c_N ln N + c_D ln D + c_rank ln rank + c_share (r - 1/2)), "
        "D' = D/(1 + D/(kappa rank N^(2/3)))"
    )
    source = "D-CPT L3 with a valley in the learning rate and the capacity of an adapter; the form is our own."
    needs = ("learning_rate",)
    trends = (
        Trend("tokens", -1, "where x c_D >= 0: growing does not move the best rate away"),
        Trend("params", -1, "from three sizes on, where x c_N >= 0"),
        Trend("lora_r", -1, "where x c_rank >= 0"),
    )
    limits = (Limit("learning_rate", 0.0, "diverges", "exp(k x^2/2): far from the best rate nothing is said"),)

    def parameters(self) -> tuple[Stated, ...]:
        """D-CPT's; what the table cannot say is held: one size, one number of tokens, one rank, few ratios."""
        few = _OF_SHARE if self.frame.ratios < _MIN_RATIOS else ()
        return tuple(_held(each) if each.name in few else each for each in (*super().parameters(), *self._own()))

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        return super().loss(values, points) * self._valley(values, points)[0]

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        valley, x, curvature = self._valley(values, points)
        inner = super().derivatives(values, points)
        found = {name: slope * valley for name, slope in inner.items()}
        over = self._load(values, points)
        found["ln_kappa"] = -values["B"] * values["beta"] * found["B"] * over / (1.0 + over)
        loss = self.loss(values, points)
        loss = np.where(curvature * x**2 / 2.0 < _LARGEST_LOG, loss, 0.0)  # cut: no slope
        by_best = -loss * curvature * x
        found |= {name: by_best * z for name, z in zip(_SLOPES, self._regressors(points), strict=True)}
        for label, hot in zip(self._labels(), self._methods(points), strict=True):
            found |= {f"c{label}": by_best * hot, f"k{label}": loss * hot * x**2 / 2.0}
        return found

    def trend_holds(self, column: str, params: Floats, points: Points) -> Bools:
        """A sufficient condition: along the column the best rate stays, or comes nearer."""
        values = self.values(params)
        slope = values[{"tokens": "c_D", "params": "c_N", "lora_r": "c_rank"}[column]]
        return np.asarray(self._valley(values, points)[1] * slope >= 0.0)

    def relative_tokens(self, values: Values, points: Points) -> Floats:
        """D' over the largest measured D."""
        return np.asarray(relative_tokens(self.frame, points) / (1.0 + self._load(values, points)))

    def best_rate(self, params: Floats, points: Points) -> Floats:
        """(m, n) learning rates of least loss."""
        return np.exp(self._log_best(self.values(params), points))

    def _own(self) -> tuple[Stated, ...]:
        low, high = np.log(self.frame.rates[0]), np.log(self.frame.rates[1])
        own = []
        for label in self._labels():
            own.append(Stated(f"c{label}", low - _REACH, high + _REACH, (low, high), (low + high) / 2.0, 2.0))
            own.append(Stated(f"k{label}", 0.0, 2.0, (3e-3, 0.1), prior_mean=0.03, prior_sd=0.3, log_start=True))
        known = (len(self.frame.sizes) > 1, self.frame.token_counts > 1, self.frame.ranks > 1, True)
        for name, free in zip(_SLOPES, known, strict=True):
            slope = Stated(name, -2.0, 2.0, (-0.5, 0.5), prior_mean=0.0, prior_sd=0.4)
            own.append(slope if free else _held(slope))
        kappa = Stated("ln_kappa", np.log(0.03), np.log(1e4), (np.log(0.5), np.log(100.0)), np.log(30.0), 2.0)
        return *own, kappa if self.frame.ranks else _held(kappa)

    def _valley(self, values: Values, points: Points) -> tuple[Floats, Floats, Floats]:
        """exp(k x^2/2), x and k, (m, n) each."""
        curvature = self._of_method("k", values, points)
        x = np.log(points.learning_rate) - self._log_best(values, points)
        return np.exp(np.minimum(curvature * x**2 / 2.0, _LARGEST_LOG)), x, curvature

    def _log_best(self, values: Values, points: Points) -> Floats:
        best = self._of_method("c", values, points)
        for name, regressor in zip(_SLOPES, self._regressors(points), strict=True):
            best = best + values[name] * regressor
        return best

    def _regressors(self, points: Points) -> tuple[Floats, ...]:
        """ln N, ln D, ln rank and share, over what is largest."""
        rank = np.where(np.isnan(points.lora_r), self.frame.rank, points.lora_r) / self.frame.rank
        size, tokens = self.frame.relative_size(points.params), relative_tokens(self.frame, points)
        return np.log(size), np.log(tokens), np.log(rank), points.share - 0.5

    def _load(self, values: Values, points: Points) -> Floats:
        """D/(kappa P), (m, n): 0 for full weights."""
        rank = np.where(np.isnan(points.lora_r), np.inf, points.lora_r) / self.frame.rank
        capacity = rank * self.frame.relative_size(points.params) ** (2.0 / 3.0)
        return np.asarray(relative_tokens(self.frame, points) / capacity * np.exp(-values["ln_kappa"]))

    def _labels(self) -> tuple[str, ...]:
        """What follows c and k in their names: one pair a method."""
        return tuple(f"[{name}]" for name in self.frame.methods) or ("",)

    def _of_method(self, letter: str, values: Values, points: Points) -> Floats:
        hot = self._methods(points)
        return np.asarray(np.concatenate([values[letter + label] for label in self._labels()], axis=1) @ hot)

    def _methods(self, points: Points) -> Floats:
        """(methods, n): 1 where a point has the method.

        Raises:
            LawError: a point has a method that was not measured.
        """
        if not self.frame.methods:
            return np.ones((1, len(points)))
        hot = points.method[None, :] == np.array(self.frame.methods)[:, None]
        if not hot.any(axis=0).all():
            wrong = points.method[~hot.any(axis=0)][0]
            raise LawError(f"method: {str(wrong)!r} was not measured; the law knows {', '.join(self.frame.methods)}")
        return np.asarray(hot, dtype=np.float64)


def _held(stated: Stated) -> Stated:
    """The parameter at its prior mean; amplitudes and slopes at 0."""
    return replace(stated, lower=stated.prior_mean, upper=stated.prior_mean)
