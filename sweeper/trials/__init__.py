"""The trials of an experiment as they stand on disk: one folder a trial, keyed by the identity of its spec."""
