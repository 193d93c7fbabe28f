"""The two sides of `trainer_throughput`: our loop and Hugging Face's `Trainer`, on the same blocks."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from trainers import loop
from trainers.messages import CONTINUE, Failure
from trainers.model.models import Model
from trainers.spec import CorpusRef, ModelRef, TrialSpec
from trainers.tokens.batches import open_corpora
from trainers.tokens.mixture import Mixture
from trainers.tokens.packed import PackedCorpus, write_meta, write_split
from trainers.tokens.windows import read_windows
from trainers.workers import memory

LEARNING_RATE = 1e-3
RANK = 16
ALPHABET = 200
"""Token ids in use, so that a few steps teach a model something whatever its vocabulary."""
HELD_OUT = 16
"""Blocks on which both trained models are scored."""


@dataclass(frozen=True)
class TrainingCase:
    """One piece of work for both sides."""

    name: str
    config: dict[str, Any]
    method: Literal["full", "lora", "qlora"]
    precision: Literal["fp32", "bf16"]
    length: int
    batch: int
    """Sequences a step."""
    micro: int
    """Sequences at once."""
    steps: int


@dataclass(frozen=True)
class Outcome:
    """What one side did with it."""

    tokens_per_second: float
    peak_bytes: int
    """Above what the process had before it loaded the model; on a GPU, of its allocations."""
    final_loss: float


def warm_imports(threads: int, device: str) -> None:
    """Import what either side needs, so that no child pays for it, and decide on threads for both."""
    import accelerate
    import bitsandbytes
    import peft
    import transformers
    from transformers.models.llama import modeling_llama

    assert accelerate and bitsandbytes and peft and modeling_llama
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if threads:
        torch.set_num_threads(threads)


def make_inputs(case: TrainingCase, folder: Path) -> None:
    """Write a checkpoint of random weights and a corpus whose next token mostly follows from the last."""
    import transformers

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    options = {key: value for key, value in case.config.items() if key != "model_type"}
    config = transformers.AutoConfig.for_model(case.config["model_type"], **options)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder / "model")
    (folder / "corpus").mkdir()
    for split, blocks in (("train", case.steps * case.batch + 1), ("valid", HELD_OUT + 1), ("test", 2)):
        _write_split(folder / "corpus", split, blocks * case.length, int(case.config["vocab_size"]))
    write_meta(folder / "corpus", {})


def _write_split(folder: Path, split: Any, n_tokens: int, vocabulary: int) -> None:
    rng = np.random.default_rng(len(split))
    tokens = rng.integers(1, ALPHABET, n_tokens)
    follows = rng.random(n_tokens) < 0.7
    for i in range(1, n_tokens):
        if follows[i]:
            tokens[i] = (tokens[i - 1] * 31 + 7) % (ALPHABET - 1) + 1
    dtype = np.uint16 if vocabulary < 2**16 else np.uint32
    write_split(folder, split, [(tokens.astype(dtype), 4 * n_tokens)], dtype)


def make_spec(case: TrainingCase, folder: Path) -> TrialSpec:
    """The work as our loop takes it; it is measured once, at its end, on one block."""
    return TrialSpec.model_validate(
        {
            "role": "law",
            "model": ModelRef(name="model", path=str(folder / "model"), fingerprint="model"),
            "method": case.method,
            "lora": None if case.method == "full" else {"r": RANK, "alpha": 2.0 * RANK},
            "learning_rate": LEARNING_RATE,
            "corpora": (CorpusRef(name="corpus", path=str(folder / "corpus"), fingerprint="corpus"),),
            "mixture": {"corpus": 1.0},
            "max_tokens": case.steps * case.batch * case.length,
            "max_seq_length": case.length,
            "global_batch_size": case.batch,
            "micro_batch_size": case.micro,
            "seed": 0,
            "precision": case.precision,
            "evaluation_tokens": case.length,
            "evaluation_share": None,
        }
    )


def ours(case: TrainingCase, folder: Path, options: dict[str, Any] | None = None) -> Outcome:
    """Our loop, with its measurement, guards and progress messages as in any trial; `options` override the spec."""
    seen: list[Model] = []

    def keep(*arguments: Any) -> Model:
        seen.append(build(*arguments))
        return seen[0]

    build = loop.build
    loop.build = keep  # this process ends after the measurement
    with _Peak() as peak:
        end = loop.run_trial(make_spec(case, folder).model_copy(update=options or {}), lambda message: CONTINUE)
    if isinstance(end, Failure):
        raise RuntimeError(end.reason)
    return Outcome(end.tokens_per_second, peak.bytes, held_out_loss(seen[0].module, case, folder))


def trainer(case: TrainingCase, folder: Path) -> Outcome:
    """`transformers.Trainer` with fused AdamW; for QLoRA on PEFT's recipe (`prepare_model_for_kbit_training`)."""
    with _Peak() as peak:
        model = _their_model(case, folder)
        seconds = _train_theirs(model, case, folder)
    tokens = case.steps * case.batch * case.length
    return Outcome(tokens / seconds, peak.bytes, held_out_loss(model, case, folder))


SIDES: dict[str, Callable[[TrainingCase, Path], Outcome]] = {"ours": ours, "trainer": trainer}


def _their_model(case: TrainingCase, folder: Path) -> Any:
    import peft
    import transformers

    precision = torch.bfloat16 if case.precision == "bf16" else torch.float32
    options: dict[str, Any] = {"dtype": torch.float32 if case.method == "full" else precision}
    if case.method == "qlora":
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=precision,
        )
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "model", **options)
    if case.method == "full":
        return model
    if case.method == "qlora":
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    torch.manual_seed(0)
    config = peft.LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    return peft.get_peft_model(model, config)


def _train_theirs(model: Any, case: TrainingCase, folder: Path) -> float:
    import transformers

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        seconds = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.seconds = -time.perf_counter()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.seconds += time.perf_counter()

    clock = Clock()
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=case.micro,
        gradient_accumulation_steps=case.batch // case.micro,
        max_steps=case.steps,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        weight_decay=0.1,
        adam_beta1=0.9,
        adam_beta2=0.95,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=case.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        train_sampling_strategy="sequential",
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        remove_unused_columns=False,
        disable_tqdm=True,
        seed=0,
    )
    blocks = _blocks(case, folder)
    theirs = transformers.Trainer(model=model, args=arguments, train_dataset=blocks, callbacks=[clock])
    theirs.remove_callback(transformers.PrinterCallback)
    theirs.train()
    return clock.seconds


def _blocks(case: TrainingCase, folder: Path) -> list[dict[str, torch.Tensor]]:
    """Our blocks in our order, with labels that are shifted already, so that both sides score the same targets."""
    spec = make_spec(case, folder)
    train = open_corpora(spec)["corpus"]["train"]
    mixture = Mixture(0, {"corpus": 1.0}, {"corpus": train.n_blocks(case.length)}, case.steps * case.batch)
    windows = [torch.from_numpy(train.window(mixture.block(i)[1], case.length)) for i in range(len(mixture))]
    return [{"input_ids": w[:-1], "labels": w[1:], "shift_labels": w[1:]} for w in windows]


def held_out_loss(model: Any, case: TrainingCase, folder: Path) -> float:
    """Nats per token on held-out blocks."""
    split = PackedCorpus(folder / "corpus")["valid"]
    windows = read_windows([(split, i) for i in range(HELD_OUT)], case.length, document_mask=False)
    model.eval()
    total = 0.0
    with torch.no_grad():
        for row in windows.to(next(model.parameters()).device).tokens:
            logits = model(input_ids=row[None, :-1]).logits.float()
            total += float(torch.nn.functional.cross_entropy(logits[0], row[1:], reduction="sum"))
    return total / windows.targets.numel()


class _Peak:
    """Peak memory inside a `with` block, above what there was at its start."""

    bytes = 0

    def __enter__(self) -> "_Peak":
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        memory.reset_peak(self._device)
        self._before = memory.peak_bytes(self._device)
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = memory.peak_bytes(self._device) - self._before
