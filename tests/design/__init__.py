"""The room that chooses the next run."""
