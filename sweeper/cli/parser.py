"""The verbs and their options."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeper.cli import doctor, experiments, exports, fit, predict, recommend

Verb = Callable[[argparse.Namespace], int]
Verbs = Any
"""argparse names the type of its sub-parsers in private only."""
QUICKSTART = Path("search_spaces/quickstart.yaml")


def build_parser() -> argparse.ArgumentParser:
    """All verbs; each sets `verb`, the function that runs it."""
    parser = argparse.ArgumentParser(
        prog="python -m sweeper",
        description="Which mixture, method, learning rate and token budget to adapt a language model to a domain with.",
    )
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    _init(verbs)
    _experiment_verb(verbs, "prepare", experiments.prepare_verb, "pack the corpora, once")
    _experiment_verb(verbs, "plan", experiments.plan_verb, "check everything, say what a run does, start nothing")
    run = _experiment_verb(verbs, "run", experiments.run_verb, "everything; a second call does only what is missing")
    confirm = _experiment_verb(verbs, "confirm", experiments.run_verb, "run, to the confirming run")
    report = _experiment_verb(verbs, "report", experiments.report_verb, "write the report again")
    export = _experiment_verb(verbs, "export", exports.export_verb, "a trial's model as a Hugging Face folder")
    exports.add_options(export)
    for verb in (run, confirm, report, export):
        verb.add_argument("--address", help="a Ray cluster (`auto`: this machine's); default: this machine alone")
    run.add_argument("--no-confirm", action="store_true", help="stop at the recommendation")
    fit.add_fit(verbs)
    predict.add_predict(verbs)
    recommend.add_recommend(verbs)
    check = verbs.add_parser("doctor", help="check the installation and this machine")
    _common(check)
    check.add_argument("--address", help="check a Ray cluster too")
    check.set_defaults(verb=doctor.doctor_verb)
    return parser


def _init(verbs: Verbs) -> None:
    init = verbs.add_parser("init", help="write an experiment file for your own data")
    init.add_argument("--model", required=True, help="the model to adapt: a folder, Hugging Face name or builtin:NAME")
    init.add_argument("--general", required=True, help="text whose loss must not rise: a file, folder or glob")
    init.add_argument("--domain", required=True, help="text to adapt to")
    init.add_argument("--tokens", help="training tokens of all trials together, as in 2M or 1.5B")
    init.add_argument("--name", help="names the output folder and the tracked runs; default: from the domain's path")
    init.add_argument("--output", type=Path, help="the file to write; default: NAME.yaml")
    _common(init)
    init.set_defaults(verb=experiments.init_verb)


def _experiment_verb(verbs: Verbs, name: str, function: Verb, text: str) -> Any:
    verb = verbs.add_parser(name, help=text)
    verb.add_argument("experiment", nargs="?", type=Path, default=QUICKSTART, help=f"default: {QUICKSTART}")
    verb.add_argument("--output", type=Path, help="the output folder; default: runs/NAME")
    _common(verb)
    verb.set_defaults(verb=function, address=None, no_confirm=False, report_anew=False)
    return verb


def _common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print one object, and nothing else, on standard output")
