"""Trains a full grid for real and writes it as a table of measurements, which `benchmarks/tables/` keeps.

    python -m benchmarks.efficiency.real_grid --corpora DIR --base DIR --output FILE.csv

DIR of the corpora holds `general_mixed` and `sec_filings` with `train` and `valid` as `.jsonl.gz`; the base is a
checkpoint folder with a `tokenizer.json` whose token 0 ends a text. A trial whose losses are already in FILE's folder
of parts is not run again. A run that diverges keeps the measurements it had, which is none of the later ones.
"""

import argparse
import gzip
import hashlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainers.messages import CONTINUE, Finished, Measurement, Message, Verdict
from trainers.spec import CorpusRef, Lora, ModelRef, Schedule, TrialSpec

if TYPE_CHECKING:
    from sweeper.trials.record import TrialRecord

GENERAL, DOMAIN = "general_mixed", "sec_filings"
LENGTH, BATCH = 128, 8
CHECKPOINTS = tuple(LENGTH * BATCH * steps for steps in (6, 12, 24, 36, 48, 64, 80, 96))
METHODS: tuple[int | None, ...] = (None, 4, 16)
"""Full weights, or the rank of an adapter over all linear layers with alpha = 2 r."""
RATES = (2.5e-4, 6.3e-4, 1.6e-3, 4e-3, 1e-2, 2.5e-2)
RATIOS = (0.1, 0.25, 0.4, 0.6, 0.8, 1.0)
CHARACTERS = 6_000_000
"""Of each corpus' training text: more than any trial reads."""
AGAIN = ((None, 1.6e-3, 0.4), (None, 4e-3, 0.8), (4, 1e-2, 0.4), (16, 1e-2, 0.8), (16, 4e-3, 0.1), (4, 4e-3, 1.0))
"""Trained again with a second seed, for the noise: (rank, learning rate, ratio)."""
Setting = tuple[int | None, float, float, int]
"""(rank, learning rate, domain ratio, seed)."""


def settings() -> list[Setting]:
    """The grid in a fixed random order, so that what a cut leaves is spread over it; then the second seeds."""
    grid = [(r, rate, ratio, 0) for r, rate, ratio in itertools.product(METHODS, RATES, RATIOS)]
    order = np.random.default_rng(0).permutation(len(grid))
    return [*(grid[i] for i in order), *((*again, 1) for again in AGAIN)]


def pack(source: Path, folder: Path, tokenizer: Path) -> CorpusRef:
    """Tokenise a corpus into the packed format, unless it is there."""
    from tokenizers import Tokenizer

    from trainers.tokens.packed import write_meta, write_split

    if not (folder / "meta.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        encoder = Tokenizer.from_file(str(tokenizer))
        for split in ("train", "valid"):
            write_split(folder, split, _documents(source / f"{split}.jsonl.gz", encoder), np.uint16)  # type: ignore[arg-type]
        write_split(folder, "test", [], np.uint16)
        write_meta(folder, {})
    digest = hashlib.sha256((folder / "train.tokens.npy").read_bytes()).hexdigest()[:12]
    return CorpusRef(name=source.name, path=str(folder), fingerprint=digest)


def _documents(file: Path, encoder: Any) -> Iterator[tuple[NDArray[np.uint16], int]]:
    """Documents of a file in a fixed random order, each closed by token 0, up to `CHARACTERS`."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    taken = 0
    for i in np.random.default_rng(0).permutation(len(texts)):
        if taken >= CHARACTERS:
            return
        taken += len(texts[i])
        yield np.array([*encoder.encode(texts[i]).ids, 0], np.uint16), len(texts[i].encode())


def spec(setting: Setting, model: ModelRef, corpora: tuple[CorpusRef, ...]) -> TrialSpec:
    """One run: a constant rate after a short warm-up, measured at every checkpoint."""
    rank, rate, ratio, seed = setting
    return TrialSpec(
        role="search",
        model=model,
        method="full" if rank is None else "lora",
        lora=None if rank is None else Lora(r=rank, alpha=2 * rank),
        learning_rate=rate,
        schedule=Schedule(warmup_tokens=2 * LENGTH * BATCH),
        corpora=corpora,
        mixture={DOMAIN: ratio, GENERAL: round(1 - ratio, 9)} if ratio < 1 else {DOMAIN: 1.0},
        max_tokens=CHECKPOINTS[-1],
        max_seq_length=LENGTH,
        global_batch_size=BATCH,
        seed=seed,
        precision="fp32",
        evaluate_at=CHECKPOINTS,
        evaluation_tokens=8192,
        evaluation_share=None,
    )


def base_spec(model: ModelRef, corpora: tuple[CorpusRef, ...]) -> TrialSpec:
    """The base model, measured on the same text."""
    untrained = {"role": "base", "method": "full", "lora": None, "max_tokens": 0, "evaluate_at": (), "mixture": {}}
    return spec(settings()[0], model, corpora).model_copy(update=untrained)


def run(trial: TrialSpec, part: Path) -> None:
    """Train a run and keep its record as JSON, unless it is there."""
    from trainers.loop import run_trial

    if part.exists():
        return
    measurements: list[Measurement] = []

    def take(message: Message) -> Verdict:
        if isinstance(message, Measurement):
            measurements.append(message)
        return CONTINUE

    end = run_trial(trial, take)
    kept = {
        "spec": trial.model_dump(mode="json"),
        "end": end.model_dump(mode="json"),
        "measurements": [m.model_dump(mode="json") for m in measurements],
    }
    fresh = part.with_suffix(".new")
    fresh.write_text(json.dumps(kept), encoding="utf-8")
    fresh.replace(part)


def write(parts: Path, output: Path) -> None:
    """All records so far as one table in the product's columns, numbers to six decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv

    from sweeper.measurements import build_table

    records = [_record(file) for file in sorted(parts.glob("*.json"))]
    table = build_table(records, target=DOMAIN, corpus_roles={GENERAL: "general", DOMAIN: "domain"}, experiment="grid")
    output.parent.mkdir(parents=True, exist_ok=True)
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(i, field, pc.round(table.column(i), 6))
    pyarrow.csv.write_csv(table, output, pyarrow.csv.WriteOptions(quoting_style="needed"))


def _record(file: Path) -> "TrialRecord":
    from sweeper.trials.record import TrialRecord

    data = json.loads(file.read_text(encoding="utf-8"))
    spec, measured = (
        TrialSpec.model_validate(data["spec"]),
        [Measurement.model_validate(m) for m in data["measurements"]],
    )
    if data["end"]["kind"] == "failure":
        return TrialRecord(spec, state="failed", reason=data["end"]["reason"], measurements=measured)
    return TrialRecord(spec, "completed", measurements=measured, finished=Finished.model_validate(data["end"]))


def main() -> int:
    """Pack, measure the base, train what is missing, write the table."""
    import torch

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("runs/real_grid"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    work: Path = arguments.work
    tokenizer = arguments.base / "tokenizer.json"
    corpora = tuple(pack(arguments.corpora / n, work / n, tokenizer) for n in (GENERAL, DOMAIN))
    digest = hashlib.sha256((arguments.base / "model.safetensors").read_bytes()).hexdigest()[:12]
    model = ModelRef(name="general-0.4M", path=str(arguments.base), fingerprint=digest)
    parts = work / "parts"
    parts.mkdir(exist_ok=True)
    run(base_spec(model, corpora), parts / "base.json")
    for i, setting in enumerate(settings()):
        trial = spec(setting, model, corpora)
        run(trial, parts / f"{trial.id}.json")
        print(i, setting, flush=True)
    write(parts, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
