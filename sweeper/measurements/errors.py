"""The root of what can be wrong with a table of measurements."""

from sweeper.errors import SweeperError


class MeasurementError(SweeperError):
    """A table of measurements, or a comparison of two measurements, that cannot be used as it is."""
