"""One training step: gradients, their sum over workers, clipping, the optimiser, and what must be true of it."""
