"""Gradients of laws that give none of their own."""

from typing import cast

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.law import Law
from sweeper.laws.tables.points import Points

_STEP = 1e-30


def complex_step(law: Law, params: Floats, points: Points) -> Floats:
    """(m, n, p) derivatives of a law's losses by its parameters, to rounding.

    f(x + ih) = f(x) + ih f'(x) + O(h^2): without a difference nothing cancels, so that h can be as small as it likes.
    Needs a formula of analytic functions (no absolute value, no `real`); max and min choose by the real part.
    Source: Squire and Trapp, SIAM Review 40 (1998) 110.
    """
    columns = []
    for i in range(params.shape[1]):
        moved = params.astype(np.complex128)
        moved[:, i] += 1j * _STEP
        columns.append(np.imag(law.predict(cast(Floats, moved), points)) / _STEP)
    return np.stack(columns, axis=2)
