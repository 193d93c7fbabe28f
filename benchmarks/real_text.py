"""The whole way on real text: encyclopaedia and novels against SEC filings, bases pre-trained on the general text.

    python -m benchmarks.real_text --corpora DIR [--output DIR]

DIR holds general_wiki, general_books and sec_filings, each with train, valid and test as `.jsonl.gz`. Prints what
`python -m sweeper run` prints and ends with one JSON line: predicted against measured for each corpus.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sweeper.__main__ import main as sweeper

EXPERIMENT: dict[str, Any] = {
    "name": "sec-filings",
    "seed": 0,
    "target": "filings",
    "base_models": ["builtin:tiny-s", "builtin:tiny-m"],
    "pretraining": {"corpora": ["wiki", "books"], "tokens": "2M"},
    "trainer": {"max_seq_length": 128, "per_device_train_batch_size": 8, "warmup_ratio": 0.05},
    "search": {
        "space": {
            "method": {"choices": ["full", "qlora"]},
            "learning_rate": {
                "full": {"low": 1e-4, "high": 1e-2, "log": True},
                "qlora": {"low": 3e-4, "high": 3e-2, "log": True},
            },
            "lora_r": {"choices": [4, 8, 16], "when": {"method": ["lora", "qlora"]}},
            "domain_ratio": {"low": 0.1, "high": 0.9},
        },
        "trials": 16,
        "max_tokens": "120k",
    },
    "law": {"domain_ratio": [0.0, 0.1, 0.25, 0.5, 0.75, 1.0], "max_tokens": "240k", "replicates": 2},
    "constraint": {"corpus": "wiki", "max_increase": 0.03, "confidence": 0.8},
    "confirm": {"tokens": "360k"},
    "evaluation": {"max_tokens": "16k"},
}
SOURCES = {"wiki": "general_wiki", "books": "general_books", "filings": "sec_filings"}


def experiment(corpora: Path) -> dict[str, Any]:
    """The experiment over a folder of corpora."""

    def source(folder: str) -> dict[str, str]:
        files = {"source": "train", "valid": "valid", "test": "test"}
        return {field: str(corpora.absolute() / folder / f"{name}.jsonl.gz") for field, name in files.items()}

    return {**EXPERIMENT, "corpora": {name: source(folder) for name, folder in SOURCES.items()}}


def main() -> int:
    """Write the experiment file, run it, print the comparison as one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("runs/sec-filings"))
    parser.add_argument("--no-confirm", action="store_true")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / "experiment.yaml"
    file.write_text(json.dumps(experiment(arguments.corpora), indent=1), encoding="utf-8")  # JSON is YAML
    status = sweeper(
        ["run", str(file), "--output", str(arguments.output), *(["--no-confirm"] if arguments.no_confirm else [])]
    )
    if status == 0:
        summary = json.loads((arguments.output / "summary.json").read_text(encoding="utf-8"))
        kept = {key: summary[key] for key in ("answer", "do_not_trust", "confirmation", "counts")}
        print(json.dumps({"benchmark": "real_text", **kept}))
    return status


if __name__ == "__main__":
    sys.exit(main())
