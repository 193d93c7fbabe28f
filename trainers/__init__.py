"""What runs on a worker: one trial, from its spec to its measurements. Knows nothing of Ray or of the sweeper."""
