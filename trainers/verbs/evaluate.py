"""`python -m trainers evaluate MODEL CORPUS ...`: measure a model's loss, perplexity and bits per byte."""

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any

from trainers.errors import TrainerError, TrialFailed
from trainers.messages import CorpusLoss
from trainers.verbs.amounts import tokens
from trainers.verbs.whole_numbers import at_least

if TYPE_CHECKING:
    from trainers.workers.ranks import Ranks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("model", metavar="MODEL", help="a transformers folder, a hub name, or a PEFT adapter's folder")
    parser.add_argument(
        "corpora",
        nargs="+",
        metavar="CORPUS",
        help="a packed corpus' folder, or a file of documents: .txt, .jsonl or .parquet, also with .gz or .zst",
    )
    parser.add_argument("--adapter", metavar="FOLDER", help="a PEFT adapter to put on MODEL")
    parser.add_argument("--split", choices=("valid", "test"), default="valid", help="of packed folders; default: valid")
    parser.add_argument(
        "--max-seq-length", type=at_least(2), default=512, metavar="N", help="tokens a block; default: 512"
    )
    parser.add_argument(
        "--max-tokens", type=tokens, metavar="TOKENS", help="of each corpus, at most, such as 200k; default: all"
    )
    parser.add_argument(
        "--batch-size", type=at_least(1), default=8, metavar="N", help="blocks at once a worker; default: 8"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: bf16 on a GPU, else fp32")
    parser.add_argument("--document-mask", action="store_true", help="documents in a block do not see each other")
    parser.add_argument("--quantise", choices=("nf4",), help="measure through 4-bit weights, as qlora sees the model")
    parser.add_argument("--text-field", default="text", metavar="NAME", help="of .jsonl and .parquet; default: text")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; returns 0, or 1 where it failed.

    Raises:
        TrainerError: the model or a corpus cannot be measured so.
    """
    from trainers.workers.launched import launched_workers

    with launched_workers() as ranks:
        try:
            losses = _measure(arguments, ranks)
        except TrialFailed as failed:
            if failed.cause == "bad_spec":
                raise TrainerError(failed.reason) from None
            if ranks.first:
                print(f"evaluate: {failed.reason}{_remedy(failed)}", file=sys.stderr)
            return 1
    if ranks.first:
        _print_json(arguments, losses) if arguments.json else _print_table(losses)
    return 0


def _measure(arguments: argparse.Namespace, ranks: "Ranks") -> tuple[CorpusLoss, ...]:
    """Every corpus; all ranks must call it.

    Raises:
        TrialFailed: as `run` prints it.
    """
    from trainers.evaluation.evaluate import Evaluator
    from trainers.evaluation.given_corpus import given_corpus
    from trainers.model.given_model import GivenModel, Precision

    def prepare() -> tuple[Any, Any]:
        given = GivenModel.of(arguments.model, arguments.adapter)
        precision: Precision = arguments.precision or ("bf16" if ranks.device.type == "cuda" else "fp32")
        quantised = arguments.quantise == "nf4"
        model = given.load(arguments.max_seq_length, precision, quantised, arguments.document_mask, ranks.device)
        tokenizer = given.tokenizer()
        corpora = {
            name: given_corpus(name, arguments.split, tokenizer, model.vocabulary, arguments.text_field)
            for name in dict.fromkeys(arguments.corpora)
        }
        length, most = arguments.max_seq_length, arguments.max_tokens or sys.maxsize
        evaluator = Evaluator(corpora, length, most, arguments.batch_size, ranks, arguments.document_mask)
        evaluator.check((arguments.split,))
        return model, evaluator

    model, evaluator = ranks.together(prepare)
    losses: tuple[CorpusLoss, ...] = evaluator.measure(model, (arguments.split,))
    broken = [loss.corpus for loss in losses if not math.isfinite(loss.nll)]
    if broken:
        reason = f"the loss of {', '.join(broken)} is not a number; check the model's weights, or try --precision fp32"
        raise TrialFailed("error", reason, repeatable=True)
    return losses


def _remedy(failed: TrialFailed) -> str:
    return "; try a smaller --batch-size or --max-seq-length" if failed.cause == "out_of_memory" else ""


def _print_json(arguments: argparse.Namespace, losses: tuple[CorpusLoss, ...]) -> None:
    asked = {key: value for key, value in vars(arguments).items() if key not in ("corpora", "json", "verb")}
    print(json.dumps({**asked, "corpora": [_row(loss) for loss in losses]}, indent=1))


def _row(loss: CorpusLoss) -> dict[str, Any]:
    bits = loss.bits_per_byte
    return {
        "corpus": loss.corpus,
        "documents": len(loss.documents),
        "tokens": loss.tokens,
        "bytes": loss.bytes,
        "loss": loss.loss,
        "stderr": loss.stderr,
        "perplexity": None if math.isinf(loss.perplexity) else loss.perplexity,
        "bits_per_byte": None if math.isnan(bits) else bits,
    }


def _print_table(losses: tuple[CorpusLoss, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("corpus", overflow="fold")
    for title in ("documents", "tokens", "loss (nats/token)", "perplexity", "bits/byte"):
        table.add_column(title, justify="right", no_wrap=True)
    for loss in losses:
        error = "" if loss.stderr is None else f" ± {loss.stderr:.4f}"
        table.add_row(
            loss.corpus,
            f"{len(loss.documents):,}",
            f"{loss.tokens:,}",
            f"{loss.loss:.4f}{error}",
            f"{loss.perplexity:.3f}",
            f"{loss.bits_per_byte:.4f}",
        )
    Console(highlight=False, width=None).print(table)
