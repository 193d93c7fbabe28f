"""Side-by-side measurements: both sides in one process run on the same work, a ratio with its spread, one JSON line."""
