"""The command line: verbs, and what a person sees while they run."""
