"""`python -m trainers evaluate` against the library's own loss and against the loop's measurement."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainers.tiny import LENGTH, run
from trainers.__main__ import main
from trainers.spec import CorpusRef, ModelRef, TrialSpec
from trainers.tokens.packed import write_meta, write_split

END = "<|end|>"
TEXTS = ["It was the best of times, it was the worst of times.", "Grüße aus Köln!", "x = [i for i in range(10)]" * 3]
BYTES = sum(len(text.encode()) for text in TEXTS)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A token a byte, and an end of text."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate([END, *letters])}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=END)


@pytest.fixture(scope="module")
def model_folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    import transformers

    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=257, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("model")
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def adapter_folder(model_folder: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    import peft
    import transformers

    base = transformers.AutoModelForCausalLM.from_pretrained(model_folder)
    config = peft.LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapter")
    peft.get_peft_model(base, config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def texts(tmp_path: Path) -> str:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf-8")
    return str(path)


def packed(folder: Path, tokenizer: Any, end_of_text: str = END, shift: int = 0, bytes_a_token: int = 1) -> str:
    documents = []
    for text in TEXTS:
        tokens = np.array([*(t + shift for t in tokenizer(text)["input_ids"]), 0], dtype=np.uint16)
        documents.append((tokens, bytes_a_token * len(text.encode())))
    folder.mkdir()
    write_split(folder, "valid", documents, np.uint16)  # type: ignore[arg-type]
    write_meta(folder, {"end_of_text": end_of_text, "vocabulary": 257})
    return str(folder)


def evaluated(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["evaluate", *words, "--max-seq-length", str(LENGTH), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["corpora"]
    return dict(row)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["evaluate", "--max-seq-length", "16", *words]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def library_loss(model: Any, tokenizer: Any) -> tuple[float, int]:
    """The library's own loss of each window of the documents' stream, and the targets scored."""
    stream = [token for text in TEXTS for token in [*tokenizer(text)["input_ids"], 0]]
    starts = range(0, len(stream) - LENGTH, LENGTH)
    with torch.no_grad():
        windows = [torch.tensor([stream[start : start + LENGTH + 1]]) for start in starts]
        losses = [model.eval()(input_ids=window, labels=window).loss.item() for window in windows]
    return float(np.mean(losses)), LENGTH * len(losses)


def test_the_loss_of_a_text_is_the_librarys(
    model_folder: str, tokenizer: Any, texts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(model_folder)
    loss, tokens = library_loss(model, tokenizer)
    row = evaluated(capsys, model_folder, texts)
    assert row["loss"] == pytest.approx(loss, abs=1e-5)
    assert (row["corpus"], row["documents"], row["tokens"]) == (texts, 3, tokens)
    assert row["perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)
    # A token a byte: bits per byte are bits per token but for the ends of texts, which have no byte.
    assert row["bits_per_byte"] == pytest.approx(loss / math.log(2), rel=0.03)
    assert row["stderr"] > 0


def test_an_adapter_is_found_with_its_base(
    model_folder: str, adapter_folder: str, tokenizer: Any, texts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import peft
    import transformers

    base = transformers.AutoModelForCausalLM.from_pretrained(model_folder)
    expected, _ = library_loss(peft.PeftModel.from_pretrained(base, adapter_folder), tokenizer)
    alone = evaluated(capsys, adapter_folder, texts)
    assert alone["loss"] == pytest.approx(expected, abs=1e-5)
    assert evaluated(capsys, model_folder, texts, "--adapter", adapter_folder) == alone
    assert evaluated(capsys, model_folder, texts)["loss"] != pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, []),
        ({"document_mask": True}, ["--document-mask"]),
        ({"method": "qlora", "lora": {"r": 2, "alpha": 4.0}}, ["--quantise", "nf4"]),
        ({"method": "lora", "lora": {"r": 2, "alpha": 4.0}, "precision": "bf16"}, ["--precision", "bf16"]),
    ],
    ids=["plain", "document mask", "nf4", "bf16"],
)
def test_the_loss_is_what_a_trial_measures(
    model_folder: str,
    tokenizer: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    options: list[str],
) -> None:
    folder = packed(tmp_path / "packed", tokenizer)
    base = {
        "role": "base", "model": ModelRef(name="m", path=model_folder, fingerprint="m"), "method": "full",
        "learning_rate": 1e-3, "corpora": [CorpusRef(name="a", path=folder, fingerprint="a")], "mixture": {},
        "max_tokens": 0, "max_seq_length": LENGTH, "global_batch_size": 1, "seed": 0, "precision": "fp32",
    }  # fmt: skip
    _, driver = run(TrialSpec.model_validate(base | changes))
    (measured,) = driver.measurements[0].losses
    row = evaluated(capsys, model_folder, folder, *options)
    assert row["loss"] == pytest.approx(measured.loss, abs=1e-6)
    assert (row["tokens"], row["stderr"]) == (measured.tokens, pytest.approx(measured.stderr, rel=1e-4))


def test_a_packed_folder_and_its_text_have_the_same_loss(
    model_folder: str, tokenizer: Any, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = evaluated(capsys, model_folder, packed(tmp_path / "packed", tokenizer))
    read = evaluated(capsys, model_folder, texts)
    assert {**stored, "corpus": ""} == {**read, "corpus": ""}


def test_no_more_tokens_are_scored_than_asked(
    model_folder: str, texts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluated(capsys, model_folder, texts, "--max-tokens", "0.04k")["tokens"] == 2 * LENGTH


def test_the_table_has_a_row_a_corpus(
    model_folder: str, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    (tmp_path / "other.txt").write_text(TEXTS[0], encoding="utf-8")
    assert main(["evaluate", model_folder, texts, str(tmp_path / "other.txt"), "--max-seq-length", "16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "bits/byte" in lines[1]
    assert [" ± " in line for line in lines if "jsonl" in line or ".txt" in line] == [True, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift": 200}, "it holds the token 4"),
        (
            {"end_of_text": "</s>"},
            "its documents end with '</s>' as token 0, which the model's tokeniser gives as None",
        ),
        (
            {"bytes_a_token": 3},
            f"its first 3 documents have {3 * BYTES} bytes, read with the model's tokeniser {BYTES}",
        ),
    ],
)
def test_a_corpus_packed_with_another_tokeniser_is_refused(
    model_folder: str,
    tokenizer: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    message: str,
) -> None:
    error = refused(capsys, model_folder, packed(tmp_path / "packed", tokenizer, **changes))
    assert "was packed with another tokeniser than the model's" in error
    assert message in error


def test_a_model_without_a_tokeniser_measures_packed_folders_only(
    model_folder: str, tokenizer: Any, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).symlink_to(Path(model_folder) / name)
    assert evaluated(capsys, str(bare), packed(tmp_path / "packed", tokenizer))["tokens"] == 9 * LENGTH
    assert "has no tokeniser beside it" in refused(capsys, str(bare), texts)


def test_what_is_not_there_is_named(
    model_folder: str, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean 'texts.jsonl'?" in refused(capsys, model_folder, texts.replace("texts", "text"))
    assert "has neither config.json nor adapter_config.json" in refused(capsys, str(tmp_path), texts)
    assert "give a PEFT adapter's folder" in refused(capsys, model_folder, texts, "--adapter", str(tmp_path))
    (tmp_path / "a.csv").write_text("a", encoding="utf-8")
    assert "files are .txt, .jsonl, .parquet" in refused(capsys, model_folder, str(tmp_path / "a.csv"))


@pytest.mark.parametrize("base", ["/nowhere", "builtin:tiny-s"])
def test_an_adapter_whose_base_cannot_be_found_says_so(
    adapter_folder: str, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], base: str
) -> None:
    config = json.loads((Path(adapter_folder) / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base
    (tmp_path / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert f"give the base model as MODEL and --adapter {tmp_path}" in refused(capsys, str(tmp_path), texts)


def test_an_adapter_of_another_model_says_what_does_not_fit(
    adapter_folder: str, tokenizer: Any, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert "size mismatch for" in refused(capsys, str(tmp_path), texts, "--adapter", adapter_folder)


def test_a_misspelt_folder_is_not_sought_on_a_hub(
    model_folder: str, texts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"is not there; did you mean {model_folder}?" in refused(capsys, f"{model_folder}x", texts)


def test_blocks_longer_than_the_text_or_the_model_are_refused(
    model_folder: str, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "more than the 64 positions" in refused(capsys, model_folder, texts, "--max-seq-length", "65")
    (tmp_path / "short.txt").write_text("short", encoding="utf-8")
    error = refused(capsys, model_folder, str(tmp_path / "short.txt"))
    assert "too small for one block of max_seq_length 16" in error


@pytest.mark.parametrize("words", [["--max-seq-length", "1"], ["--batch-size", "x"]])
def test_numbers_out_of_range_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "model", "corpus", *words])
    assert end.value.code == 2
    assert "is not allowed; must be a whole number ≥" in capsys.readouterr().err


def test_weights_that_are_no_numbers_are_a_failure(
    model_folder: str, tokenizer: Any, texts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(model_folder)
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    model.save_pretrained(tmp_path / "broken")
    tokenizer.save_pretrained(tmp_path / "broken")
    assert main(["evaluate", str(tmp_path / "broken"), texts, "--max-seq-length", "16"]) == 1
    assert "is not a number; check the model's weights" in capsys.readouterr().err
