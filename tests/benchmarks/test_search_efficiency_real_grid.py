"""The maker of the trained grid, without training it."""

import csv
import gzip
import json

from benchmarks.efficiency import real_grid
from benchmarks.efficiency.own_tables import from_table
from trainers.messages import CorpusLoss, Finished, Measurement
from trainers.spec import CorpusRef, ModelRef
from trainers.tokens.packed import PackedCorpus

MODEL = ModelRef(name="base", path="base", fingerprint="base")
CORPORA = tuple(CorpusRef(name=n, path=n, fingerprint=n) for n in (real_grid.GENERAL, real_grid.DOMAIN))


def test_the_grid_is_every_combination_once_and_some_again():
    settings = real_grid.settings()
    assert len(settings) == len(set(settings)) == 108 + len(real_grid.AGAIN)
    assert {s[:3] for s in settings if s[3] == 1} <= {s[:3] for s in settings if s[3] == 0}
    assert len({real_grid.spec(s, MODEL, CORPORA).id for s in settings}) == len(settings)


def test_a_run_is_measured_at_every_checkpoint_at_a_constant_rate():
    trial = real_grid.spec((4, 1e-3, 0.25, 0), MODEL, CORPORA)
    assert trial.evaluate_at == real_grid.CHECKPOINTS and trial.max_tokens == real_grid.CHECKPOINTS[-1]
    assert trial.schedule.type == "constant" and trial.lora.alpha == 8
    assert trial.mixture == {real_grid.DOMAIN: 0.25, real_grid.GENERAL: 0.75}


def test_documents_are_packed_once_and_closed(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"<end>": 0, "a": 1, "b": 2}, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    for split, texts in (("train", ["a b", "b"]), ("valid", ["a"])):
        (tmp_path / "corpus").mkdir(exist_ok=True)
        with gzip.open(tmp_path / "corpus" / f"{split}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    reference = real_grid.pack(tmp_path / "corpus", tmp_path / "packed", tmp_path / "tokenizer.json")
    assert sorted(PackedCorpus(reference.path)["train"].tokens.tolist()) == [0, 0, 1, 2, 2]
    (tmp_path / "corpus" / "train.jsonl.gz").unlink()
    assert real_grid.pack(tmp_path / "corpus", tmp_path / "packed", tmp_path / "tokenizer.json") == reference


def test_records_become_a_table_that_is_a_problem(tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    base = real_grid.base_spec(MODEL, CORPORA)
    keep(parts / "base.json", base, [0], 3.0)
    for i, setting in enumerate([(None, 1e-3, 0.1, 0), (None, 1e-2, 0.1, 0), (4, 1e-3, 0.1, 0), (4, 1e-3, 0.1, 1)]):
        keep(parts / f"{i}.json", real_grid.spec(setting, MODEL, CORPORA), [10, 20], 2.5 + i / 10)
    real_grid.write(parts, tmp_path / "grid.csv")
    with (tmp_path / "grid.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 + 4 * 2 * 2
    found = from_table(tmp_path / "grid.csv", "grid", domain=real_grid.DOMAIN, general=real_grid.GENERAL, rise=0.1)
    assert len(found.settings) == 3 and found.checkpoints == (10, 20)
    assert found.base_losses == {real_grid.DOMAIN: 3.0, real_grid.GENERAL: 3.0}


def keep(part, spec, moments, loss):
    """A record as `run` keeps it, with one loss everywhere."""
    measured = [
        Measurement(
            tokens=tokens,
            step=1,
            lr_area=0.0,
            lr_fraction=1.0,
            losses=tuple(
                CorpusLoss(corpus=c.name, split="valid", nll=loss * 100, tokens=100, bytes=400.0, documents=())
                for c in CORPORA
            ),
            unique_tokens={},
            seconds=1.0,
        )
        for tokens in moments
    ]
    end = Finished(
        state="completed", tokens=moments[-1], seconds=1.0, train_seconds=1.0, evaluation_seconds=0.0,
        tokens_per_second=1.0, peak_memory_bytes=1, params=10, params_non_embedding=5, trainable_params=10, workers=1,
        device="cpu",
    )  # fmt: skip
    kept = {
        "spec": spec.model_dump(mode="json"),
        "end": end.model_dump(mode="json"),
        "measurements": [m.model_dump(mode="json") for m in measured],
    }
    part.write_text(json.dumps(kept), encoding="utf-8")
