"""Our numbers against programs that share nothing with ours but the order of the blocks."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.trainers.tiny import CONFIG, LENGTH, VOCABULARY, run
from trainers.messages import Progress
from trainers.model.models import build
from trainers.spec import CorpusRef, TrialSpec
from trainers.tokens.batches import open_corpora
from trainers.tokens.mixture import Mixture
from trainers.tokens.packed import write_meta, write_split
from trainers.tokens.windows import read_windows

Make = Callable[..., TrialSpec]
CPU = torch.device("cpu")
STEPS = 20
STEP = 4 * LENGTH


def windows_in_order(spec: TrialSpec) -> torch.Tensor:
    """Every window of a trial of 20 steps, (20, 4, length + 1), read from the files as NumPy reads them."""
    streams = {ref.name: np.load(Path(ref.path) / "train.tokens.npy").astype(np.int64) for ref in spec.corpora}
    blocks = {name: (len(stream) - 1) // LENGTH for name, stream in streams.items()}
    mixture = Mixture(spec.seed, spec.mixture, blocks, 4 * STEPS)
    rows = []
    for name, block in map(mixture.block, range(4 * STEPS)):
        rows.append(streams[name][block * LENGTH : (block + 1) * LENGTH + 1])
    return torch.tensor(np.stack(rows)).view(STEPS, 4, LENGTH + 1)


def plain_loop(model: Any, windows: torch.Tensor, rate: Callable[[int], float], decay: float = 0.1) -> list[float]:
    """20 steps as one would write them by hand, each in one batch; the loss of each before its update."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in trainable if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], betas=(0.9, 0.95))
    history = []
    for step, batch in enumerate(windows):
        logits = model(input_ids=batch[:, :-1]).logits
        loss = nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), batch[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainable, 0.3)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        history.append(loss.item())
    return history


def ours(spec: TrialSpec, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loss of each of our steps before its update."""
    monkeypatch.setattr("trainers.progress.INTERVAL", 0.0)
    _, driver = run(spec)
    return [m.train_loss for m in driver.messages if isinstance(m, Progress)]


def random_llama(seed: int) -> Any:
    import transformers

    torch.manual_seed(seed)
    options = {k: v for k, v in CONFIG.items() if k != "model_type"}
    return transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model("llama", **options))


def cosine(step: int) -> float:
    """Two steps from a tenth of the peak, then a cosine to a fifth of it."""
    if step < 2:
        return (0.55, 1.0)[step]
    return 0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * (step - 2) / 18))


def wsd(step: int) -> float:
    """Four steps of warm-up, twelve at the peak, four of decay."""
    return (step + 1) / 4 if step < 4 else 1 - math.sqrt(max(0, step - 16) / 4)


SCHEDULES = [
    (cosine, {"type": "cosine", "warmup_ratio": 0.1, "start_ratio": 0.1, "min_ratio": 0.2}),
    (wsd, {"type": "wsd", "warmup_tokens": 4 * STEP, "decay_tokens": 4 * STEP}),
]


@pytest.mark.parametrize(("shape", "schedule"), SCHEDULES, ids=["cosine", "wsd"])
@pytest.mark.parametrize("micro_batch", [4, 3], ids=["whole", "accumulated"])
def test_full_training_follows_a_plain_pytorch_loop(
    make_spec: Make,
    monkeypatch: pytest.MonkeyPatch,
    shape: Callable[[int], float],
    schedule: dict[str, Any],
    micro_batch: int,
) -> None:
    changes = {"max_tokens": STEPS * STEP, "evaluate_at": (), "max_grad_norm": 0.3}  # below the norms that come
    spec = make_spec(**changes, schedule=schedule, micro_batch_size=micro_batch, weight_decay=0.5)
    expected = plain_loop(random_llama(spec.seed), windows_in_order(spec), lambda s: 3e-3 * shape(s), decay=0.5)
    assert ours(spec, monkeypatch) == pytest.approx(expected, abs=1e-5)


def test_qlora_follows_peft_and_bitsandbytes_by_hand(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import peft
    import transformers

    changes = {"method": "qlora", "max_tokens": STEPS * STEP, "evaluate_at": (), "max_grad_norm": 0.3}
    spec = make_spec(**changes, learning_rate=3e-2, schedule=SCHEDULES[0][1])
    nf4 = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype="float32"
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        spec.model.path, quantization_config=nf4, dtype=torch.float32
    )
    torch.manual_seed(spec.seed)
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")).train()
    expected = plain_loop(model, windows_in_order(spec), lambda s: 3e-2 * cosine(s))
    assert ours(spec, monkeypatch) == pytest.approx(expected, abs=1e-5)
    untrained = ours(make_spec(**changes, learning_rate=1e-12), monkeypatch)
    assert np.abs(np.subtract(untrained, expected)).max() > 0.02


def one_document_a_block(folder: Path, n: int) -> CorpusRef:
    """`n` documents as long as a block, in every split."""
    rng = np.random.default_rng(5)
    folder.mkdir()
    for split in ("train", "valid", "test"):
        documents = rng.integers(1, VOCABULARY, (n, LENGTH)).astype(np.uint16)
        documents[:, -1] = 0
        write_split(folder, split, [(d, 40) for d in documents], np.uint16)
    write_meta(folder, {})
    return CorpusRef(name="books", path=str(folder), fingerprint="b")


def test_evaluation_is_transformers_own_loss_document_by_document(make_spec: Make, tmp_path: Path) -> None:
    """Each document goes through `transformers` alone, unpadded, with the first token of the next as its last label."""
    ref = one_document_a_block(tmp_path / "books", 9)
    spec = make_spec(corpora=(ref,), mixture={}, max_tokens=0, evaluate_at=(), evaluation_share=None)
    (measured,) = run(spec)[1].measurements[0].losses
    model = random_llama(spec.seed).eval()
    stream = torch.tensor(np.load(tmp_path / "books" / "valid.tokens.npy").astype(np.int64))
    nll = []
    with torch.no_grad():
        for start in range(0, 8 * LENGTH, LENGTH):
            document = stream[None, start : start + LENGTH + 1]
            nll.append(LENGTH * model(input_ids=document, labels=document).loss.item())
    assert measured.tokens == 8 * LENGTH
    assert measured.nll == pytest.approx(sum(nll), rel=1e-6)


def test_masked_documents_lose_what_transformers_loses_on_each_alone(make_spec: Make) -> None:
    spec = make_spec(document_mask=True)
    split = open_corpora(spec)["general"]["train"]
    model, reference = build(spec, CPU), random_llama(spec.seed).eval()
    model.evaluate()
    checked = 0
    with torch.no_grad():
        for block in range(split.n_blocks(LENGTH)):
            row = model.nll(read_windows([(split, block)], LENGTH, True))[0]
            for begin, size, _ in split.documents:
                start = begin - block * LENGTH
                if start < 0 or size < 2 or start + size > LENGTH + 1:
                    continue
                tokens = torch.tensor(split.tokens[begin : begin + size].astype(np.int64))[None]
                alone = (size - 1) * reference(input_ids=tokens, labels=tokens).loss
                assert row[start : start + size - 1].sum().item() == pytest.approx(alone.item(), rel=1e-5)
                checked += int(start > 0)
    assert checked >= 3  # documents with another before them in their block
