"""The phases of a run, in order: prepare, search, compare, law, fit, recommend, confirm, report."""
