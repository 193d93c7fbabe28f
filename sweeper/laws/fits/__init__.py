"""A table's fitted laws: held-out errors, choice, intervals, predictions, JSON."""
