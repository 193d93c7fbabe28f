"""The verbs of `python -m trainers`: each module has `add_arguments(parser)` and `run(arguments)`, the exit status."""
