import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from sweeper.corpora import packing
from sweeper.corpora.errors import CorpusError
from sweeper.corpora.packing import Placed, pack
from sweeper.corpora.pool import TokenizerPool
from sweeper.corpora.prepare import find_prepared, prepare_corpus
from sweeper.corpora.source import CorpusSource
from sweeper.corpora.tokenizer import TokenizerRef, load_encoder
from tests.corpora.test_packing import unpack
from trainers.tokens.packed import SPLITS, Split


def write(path: Path, texts: Iterable[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(path)


def many(n: int = 400) -> list[str]:
    return [f"document number {i} of these" for i in range(n)]


def contents(folder: Path, tokenizer: TokenizerRef) -> dict[str, list[str]]:
    return {split: unpack(folder, split, tokenizer) for split in SPLITS}


def test_every_document_lands_in_one_split_and_held_out_text_is_not_trained_on(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(write(tmp_path / "a.jsonl", many()), valid_fraction=0.1)
    found = contents(prepare_corpus("a", source, tokenizer, cache).path, tokenizer)
    assert sorted(text for split in SPLITS for text in found[split]) == sorted(many())
    assert not set(found["train"]) & set(found["valid"] + found["test"])
    assert not set(found["valid"]) & set(found["test"])
    assert min(len(found["valid"]), len(found["test"])) > 20
    assert found["train"] == [text for text in many() if text in set(found["train"])]


def test_adding_documents_moves_none_across(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    few = CorpusSource(write(tmp_path / "few.jsonl", many(200)), valid_fraction=0.1)
    more = CorpusSource(write(tmp_path / "more.jsonl", ["a new one", *many(400)]), valid_fraction=0.1)
    before = contents(prepare_corpus("few", few, tokenizer, cache).path, tokenizer)
    after = contents(prepare_corpus("more", more, tokenizer, cache).path, tokenizer)
    assert all(set(before[split]) <= set(after[split]) for split in SPLITS)


def test_copies_of_explicit_held_out_documents_are_dropped_from_training(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(
        write(tmp_path / "a.jsonl", ["one", " two\n", "three", "four", "four"]),
        valid=write(tmp_path / "v.jsonl", ["two", "two", "five"]),
        test=write(tmp_path / "t.jsonl", ["three", "five"]),
    )
    made = prepare_corpus("a", source, tokenizer, cache)
    found = contents(made.path, tokenizer)
    assert found["train"] == ["one", "four", "four"]
    assert (found["valid"], sorted(found["test"])) == (["two"], ["five", "three"])
    assert {split: made.counts[split].dropped for split in SPLITS} == {"train": 2, "valid": 2, "test": 0}
    assert made.repeated == 1


def test_counts_are_those_of_what_was_written(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    source = CorpusSource(
        write(tmp_path / "a.jsonl", ["abc", "dé"]),
        valid=write(tmp_path / "v.jsonl", ["v"]),
        test=write(tmp_path / "t.jsonl", ["t"]),
    )
    train = prepare_corpus("a", source, tokenizer, cache).counts["train"]
    assert (train.documents, train.bytes, train.tokens) == (2, 6, 8)


def test_more_than_one_percent_of_bad_documents_stops_and_leaves_nothing(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    path = tmp_path / "a.jsonl"
    write(path, many(100))
    with path.open("a") as out:
        out.write("{oops\n{}\n")
    with pytest.raises(
        CorpusError, match=r"2 of the first 102 (?s:.)*a\.jsonl:101: not JSON\n.*a\.jsonl:102: no field"
    ):
        prepare_corpus("a", CorpusSource(str(path)), tokenizer, cache)
    assert [f.name for f in (cache / "corpora").iterdir() if f.is_dir()] == []


def test_few_bad_documents_are_left_out_counted_and_shown(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    path = tmp_path / "a.jsonl"
    write(path, many(200))
    with path.open("a") as out:
        out.write("{oops\n")
    made = prepare_corpus("a", CorpusSource(str(path)), tokenizer, cache)
    assert made.bad == 1
    assert sum(made.counts[split].documents for split in SPLITS) == 200
    assert any(f"{path}:201: not JSON" in warning for warning in made.warnings)


def test_a_second_prepare_reuses_without_reading_or_the_tokeniser(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(write(tmp_path / "a.jsonl", many()))
    first = prepare_corpus("a", source, tokenizer, cache)
    gone = TokenizerRef(str(tmp_path / "nowhere"), tokenizer.fingerprint)
    second = prepare_corpus("other name", source, gone, cache)
    assert (first.reused, second.reused) == (False, True)
    assert dataclasses.replace(second, reused=False, name="a") == first


def test_changed_bytes_give_another_corpus(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    path = tmp_path / "a.jsonl"
    source = CorpusSource(write(path, ["aaa"]))
    os.utime(path, ns=(10**18, 10**18))
    before = find_prepared("a", source, tokenizer, cache).fingerprint
    write(path, ["aab"])  # same length
    assert find_prepared("a", source, tokenizer, cache).fingerprint != before


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    (tmp_path / "elsewhere").mkdir()
    here = CorpusSource(write(tmp_path / "a.jsonl", many()))
    there = CorpusSource(write(tmp_path / "elsewhere" / "b.jsonl", many()))
    assert (
        find_prepared("a", here, tokenizer, cache).fingerprint
        == find_prepared("b", there, tokenizer, cache).fingerprint
    )


@pytest.mark.parametrize(
    "change", [{"text_field": "body"}, {"valid_fraction": 0.1}, {"max_bytes": 100}, {"valid": "VALID"}]
)
def test_options_that_change_the_content_change_the_fingerprint(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef, change: dict[str, object]
) -> None:
    path = write(tmp_path / "a.jsonl", many())
    change = {key: path if value == "VALID" else value for key, value in change.items()}
    plain, changed = CorpusSource(path), dataclasses.replace(CorpusSource(path), **change)  # type: ignore[arg-type]
    assert (
        find_prepared("a", plain, tokenizer, cache).fingerprint
        != find_prepared("a", changed, tokenizer, cache).fingerprint
    )


def test_another_tokeniser_gives_another_corpus(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    source = CorpusSource(write(tmp_path / "a.jsonl", many()))
    other = TokenizerRef(tokenizer.path, "another")
    assert (
        find_prepared("a", source, tokenizer, cache).fingerprint != find_prepared("a", source, other, cache).fingerprint
    )


def test_finding_tells_what_is_missing_and_about_how_long_it_is(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(write(tmp_path / "a.jsonl", many()))
    missing = find_prepared("a", source, tokenizer, cache)
    assert missing.prepared is None
    assert missing.estimated_bytes == (tmp_path / "a.jsonl").stat().st_size
    made = prepare_corpus("a", source, tokenizer, cache)
    found = find_prepared("a", source, tokenizer, cache)
    assert found.prepared is not None
    assert found.ref == missing.ref == made.ref


def test_documents_are_taken_in_order_until_the_limit_is_reached(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(
        write(tmp_path / "a.jsonl", ["abcd", "efgh", "ijkl", "mnop"]),
        valid=write(tmp_path / "v.jsonl", ["v"]),
        test=write(tmp_path / "t.jsonl", ["t"]),
        max_bytes=9,
    )
    assert contents(prepare_corpus("a", source, tokenizer, cache).path, tokenizer)["train"] == ["abcd", "efgh", "ijkl"]


def test_an_interrupted_prepare_leaves_no_corpus_and_the_next_one_succeeds(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(write(tmp_path / "a.jsonl", many()))

    def interrupt(done: int, total: int | None, label: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_corpus("a", source, tokenizer, cache, interrupt)
    found = find_prepared("a", source, tokenizer, cache)
    assert found.prepared is None
    assert [f.name for f in found.path.parent.iterdir() if f.is_dir()] == []
    # A process that is killed cannot clean up.
    partial = found.path.with_name(f".{found.path.name}.partial")
    partial.mkdir()
    (partial / "train.tokens.raw").write_bytes(b"half")
    made = prepare_corpus("a", source, tokenizer, cache)
    assert {f.name for f in made.path.iterdir()} == {
        "meta.json",
        *(f"{split}.{part}.npy" for split in SPLITS for part in ("tokens", "documents")),
    }


def test_two_at_once_make_it_once(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    source = CorpusSource(write(tmp_path / "a.jsonl", many()))
    reused: list[bool] = []
    both = [
        threading.Thread(target=lambda: reused.append(prepare_corpus("a", source, tokenizer, cache).reused))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(reused) == [False, True]


def test_progress_rises_to_its_end(tmp_path: Path, cache: Path, tokenizer: TokenizerRef) -> None:
    calls: list[tuple[int, int | None, str]] = []
    source = CorpusSource((write(tmp_path / "a.jsonl", many()), write(tmp_path / "b.jsonl", many(30))))
    prepare_corpus("a", source, tokenizer, cache, lambda *call: calls.append(call))
    total = sum(f.stat().st_size for f in tmp_path.glob("*.jsonl"))
    assert calls[-1] == (total, total, "a")
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)


def test_too_little_held_out_text_is_a_warning_until_there_is_no_block(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = CorpusSource(
        write(tmp_path / "a.jsonl", ["x" * 50]),
        valid=write(tmp_path / "v.jsonl", ["v" * 16]),
        test=write(tmp_path / "t.jsonl", ["t" * 20]),
    )
    made = prepare_corpus("a", source, tokenizer, cache)
    assert "valid has 17 tokens, fewer than 16,384" in made.warnings[0]
    made.require_blocks(16)
    with pytest.raises(CorpusError, match="a has 17 tokens in valid, which is no whole block of 17"):
        made.require_blocks(17)


def test_an_unknown_built_in_text_is_refused_with_those_there_are(cache: Path, tokenizer: TokenizerRef) -> None:
    with pytest.raises(CorpusError, match="no 'builtin:poems'; built in are builtin:docs, builtin:code"):
        find_prepared("a", CorpusSource("builtin:poems"), tokenizer, cache)


def test_the_number_of_processes_changes_no_byte(
    tmp_path: Path, tokenizer: TokenizerRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BATCH_DOCUMENTS", 16)
    source = CorpusSource(write(tmp_path / "a.jsonl", [*many(), *many(50)]), valid_fraction=0.1)
    found = []
    for processes in (1, 2, 3):
        with TokenizerPool(processes) as pool:
            folder = prepare_corpus("a", source, tokenizer, tmp_path / f"cache-{processes}", pool=pool).path
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1] == found[2]


def test_the_memory_that_packing_takes_does_not_grow_with_the_corpus(
    tmp_path: Path, tokenizer: TokenizerRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "BATCH_BYTES", 20_000)
    encoder = load_encoder(tokenizer)

    def peak(documents: int) -> int:
        folder = tmp_path / str(documents)
        folder.mkdir()
        splits: tuple[Split, ...] = ("train", "valid", "test")
        placed = (Placed(splits[i % 3], i, f"{i} " * 500, 500 * len(f"{i} ")) for i in range(documents))
        tracemalloc.start()
        pack(placed, tokenizer, encoder, folder, TokenizerPool(1))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(100)  # what is imported and kept on first use
    # 24 bytes a held-out document are allowed to grow; a token stream held in memory would be 4 MB more.
    assert peak(1600) - peak(200) < 300_000


def test_a_killed_prepare_leaves_no_corpus_and_no_process_behind(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    source = write(tmp_path / "a.jsonl", many(400))
    program = (
        "import os, signal\nfrom pathlib import Path\nfrom sweeper.corpora import packing\n"
        "from sweeper.corpora.prepare import prepare_corpus\nfrom sweeper.corpora.pool import TokenizerPool\n"
        "from sweeper.corpora.source import CorpusSource\nfrom sweeper.corpora.tokenizer import TokenizerRef\n"
        "packing.BATCH_DOCUMENTS = 10\npool = TokenizerPool(2)\n"
        "def progress(done, total, label):\n"
        "    if pool._workers and done > total // 2:\n"
        "        print(*(p.pid for p in pool._workers._started), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"source, ref = CorpusSource({source!r}), TokenizerRef({tokenizer.path!r}, {tokenizer.fingerprint!r})\n"
        f"prepare_corpus('a', source, ref, Path({str(cache)!r}), progress, pool)\n"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    workers = [int(pid) for pid in ended.stdout.split()]
    assert workers
    found = find_prepared("a", CorpusSource(source), tokenizer, cache)
    assert found.prepared is None
    assert not found.path.exists()
    deadline = time.monotonic() + 20
    while any(map(psutil.pid_exists, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(psutil.pid_exists, workers))
    assert prepare_corpus("a", CorpusSource(source), tokenizer, cache).counts["train"].documents > 300


def test_a_source_that_changes_while_it_is_read_is_refused_and_leaves_nothing(
    tmp_path: Path, cache: Path, tokenizer: TokenizerRef
) -> None:
    path = tmp_path / "a.jsonl"
    source = CorpusSource(write(path, many()), valid_fraction=0.1)

    def change(done: int, total: int | None, label: str) -> None:
        if total is not None and done == total:
            write(path, many(10))

    with pytest.raises(CorpusError, match="a: its source was changed while it was read; run the same command again"):
        prepare_corpus("a", source, tokenizer, cache, change)
    assert prepare_corpus("a", source, tokenizer, cache).counts["train"].documents <= 10
