"""`recommend`: every use with its options."""

from pathlib import Path

import pytest

from tests.cli.call import call
from tests.cli.conftest import TOKENS
from tests.cli.tables_on_disk import write
from tests.laws.simulated_cpt import anchored_truth, simulate
from tests.laws.tables.small_tables import typed

Capture = pytest.CaptureFixture[str]


def test_a_table_without_base_losses_is_fitted_and_recommended_from_with_one_given(
    tmp_path: Path, capsys: Capture
) -> None:
    table = write(tmp_path / "t.csv", simulate(anchored_truth, tokens=TOKENS, base=False))
    assert call(capsys, "fit", table, "--bootstrap", 0).code == 0
    laws = tmp_path / "laws.json"
    without = call(capsys, "recommend", laws, "--tokens", "240k")
    assert without.code == 2
    assert "base" in without.err
    assert call(capsys, "recommend", laws, "--tokens", "240k", "--base-loss", 4.3).code == 0


def test_recommend_says_ratio_losses_and_probability(laws: Path, capsys: Capture) -> None:
    called = call(capsys, "recommend", laws, "--tokens", "240k", "--max-increase", 0.03)
    assert called.code == 0
    assert called.out.startswith("mix ")
    assert "general stays within 3.0% of 4.3000 with probability" in called.out


def test_recommend_prints_one_object(laws: Path, capsys: Capture) -> None:
    plain, strict = (
        call(capsys, "recommend", laws, "--tokens", "240k", "--json", *more).json
        for more in ((), ("--max-increase", "0.0", "--confidence", "0.95"))
    )
    assert 0 <= strict["domain_ratio"] <= plain["domain_ratio"] <= 1
    assert plain["constraint"] == {"general": [pytest.approx(4.3), 0.03]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tokens", "many"], "many"),
        (["--tokens", "240k", "--corpus", "law"], "no law was fitted for 'law'"),
        (["--tokens", "240k", "--confidence", "2"], "confidence: 2.0 is not between 0 and 1"),
        (["--tokens", "240k", "--base-loss", "-1"], "base loss -1.0"),
        (["--tokens", "240k", "--base-loss", "0"], "base loss 0.0"),
    ],
)
def test_what_cannot_be_recommended_is_said(words: list[str], message: str, laws: Path, capsys: Capture) -> None:
    called = call(capsys, "recommend", laws, *words)
    assert called.code == 2
    assert message in called.err


@pytest.mark.parametrize("text", [None, "not json", "[]", "{}", '{"corpora": {}}'])
def test_laws_that_are_none_are_refused(text: str | None, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "laws.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    called = call(capsys, "recommend", path, "--tokens", "1M")
    assert called.code == 2
    assert str(path) in called.err
    assert "fit" in called.err


def test_a_base_loss_is_given_by_name_or_alone(laws: Path, capsys: Capture) -> None:
    named, plain, measured = (
        call(capsys, "recommend", laws, "--tokens", "240k", "--json", *more).json
        for more in (("--base-loss", "general=4.4"), ("--base-loss", "4.4"), ())
    )
    assert named["constraint"] == plain["constraint"] == {"general": [4.4, 0.03]}
    assert named["domain_ratio"] == plain["domain_ratio"] > measured["domain_ratio"]


def test_several_corpora_are_limited_at_once(tmp_path: Path, capsys: Capture) -> None:
    table = write(tmp_path / "t.csv", typed(("web", "books", "law")))
    assert call(capsys, "fit", table, "--domain", "law", "--bootstrap", 0, "--law", "anchored").code == 0
    laws = tmp_path / "laws.json"
    asked = call(capsys, "recommend", laws, "--tokens", "100k")
    assert asked.code == 2 and "--corpus: name what is constrained (again for more), of web, books" in asked.err
    both = ("--corpus", "web", "--corpus", "books", "--base-loss", "web=3.1")
    found = call(capsys, "recommend", laws, "--tokens", "100k", "--json", *both).json
    assert found["constraint"] == {"web": [3.1, 0.03], "books": [3.0, 0.03]}
    said = call(capsys, "recommend", laws, "--tokens", "100k", *both)
    assert "a run holds all of these with probability" in said.out
    unnamed = call(capsys, "recommend", laws, "--tokens", "100k", *both[:4], "--base-loss", "3.1")
    assert "--base-loss: '3.1' names no corpus; write NAME=LOSS" in unnamed.err


def test_limited_domain_text_chooses_the_tokens_too(laws: Path, capsys: Capture) -> None:
    found = call(
        capsys, "recommend", laws, "--use", "limited-domain", "--domain-tokens", "100k", "--params", "1.3M", "--json"
    ).json
    assert found["use"] == "limited-domain"
    assert found["tokens"] == pytest.approx(100e3 / found["domain_ratio"])
    said = call(capsys, "recommend", laws, "--use", "limited-domain", "--domain-tokens", "100k")
    assert "tokens " in said.out and "stays within" not in said.out


def test_compute_chooses_size_and_tokens(laws: Path, capsys: Capture) -> None:
    words = ("recommend", laws, "--use", "compute", "--flops", "1e12")
    found = call(capsys, *words, "--json").json
    assert 6 * found["params"] * found["tokens"] == pytest.approx(1e12)
    fixed = call(capsys, *words, "--ratio", "0.33", "--sizes", "1.3M", "--max-increase", "0.05", "--json").json
    assert (fixed["domain_ratio"], fixed["params"]) == (0.33, 1.3e6)
    assert fixed["constraint"] == {"general": [pytest.approx(4.3), 0.05]}


def test_the_critical_ratio_is_given_for_each_number_of_tokens(laws: Path, capsys: Capture) -> None:
    words = ("recommend", laws, "--use", "critical-ratio", "--tokens", "80k,160000")
    found = call(capsys, *words, "--max-increase-nats", "0.05", "--json").json
    assert [point["tokens"] for point in found["points"]] == [80e3, 160e3]
    assert found["limit"] == pytest.approx(4.35)
    assert call(capsys, *words, "--json").json["limit"] == pytest.approx(4.3 * 1.03)
    said = call(capsys, *words)
    assert said.out.count(" tokens: up to ") == 2


def test_ratios_are_searched_between_bounds(laws: Path, capsys: Capture) -> None:
    words = ("--tokens", "240k", "--min-ratio", "0.1", "--max-ratio", "0.2", "--json")
    assert 0.1 <= call(capsys, "recommend", laws, *words).json["domain_ratio"] <= 0.2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--use", "compute", "--tokens", "5"], "--tokens: --use compute does not take it; it is for tradeoff, crit"),
        (["--use", "limited-domain"], "--domain-tokens: --use limited-domain needs it"),
        (["--use", "compute"], "--flops: --use compute needs it"),
        (["--tokens", "1k", "--flops", "1"], "--flops: --use tradeoff does not take it; it is for compute"),
        (["--tokens", "0"], "--tokens: '0' is not above 0"),
        (["--tokens", "1k", "--max-increase", "3"], "--max-increase: 3 is 300% of the base loss; 3 % is 0.03"),
        (["--tokens", "1k", "--base-loss", "x"], "--base-loss: 'x' is not a number of nats; write general=2.86"),
        (["--tokens", "1k", "--base-loss", "code=3"], "--base-loss: 'code' is not constrained; constrained is general"),
        (["--use", "compute", "--flops", "1", "--confidence", "0.9"], "--confidence: it belongs to a limit"),
        (
            ["--use", "critical-ratio", "--tokens", "1k", "--domain", "general"],
            "--domain: the ratio is the share of 'code'",
        ),
        (["--tokens", "1k", "--use", "guess"], "invalid choice: 'guess'"),
    ],
)
def test_options_that_do_not_go_together_are_said(words: list[str], message: str, laws: Path, capsys: Capture) -> None:
    called = call(capsys, "recommend", laws, *words)
    assert called.code == 2
    assert message in called.err


def test_laws_of_one_corpus_limit_nothing(tmp_path: Path, capsys: Capture) -> None:
    table = write(tmp_path / "t.csv", typed(("law",)))
    assert call(capsys, "fit", table, "--domain", "law", "--bootstrap", 0, "--law", "anchored").code == 0
    called = call(capsys, "recommend", tmp_path / "laws.json", "--tokens", "100k")
    assert called.code == 2
    assert "--corpus: there is no law of a corpus beside law" in called.err
