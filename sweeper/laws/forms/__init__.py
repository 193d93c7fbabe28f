"""The laws, one a file: formula, source, bounds, starting points, derivatives."""
