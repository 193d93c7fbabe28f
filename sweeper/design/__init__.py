"""Which run next: a surface of losses over settings and tokens, and what a run is expected to save per token."""
