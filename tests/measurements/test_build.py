import math

import pytest

from sweeper.measurements import build_document_table, build_table, measured_base_losses, to_columns
from tests.trial_records import base_record, measurement, record, spec
from trainers.spec import ModelRef

ROLES = {"general": "general", "code": "domain"}


def rows(records, **options):
    return build_table(records, target="code", corpus_roles=ROLES, experiment="demo", **options).to_pylist()


def test_one_row_a_trial_evaluation_and_corpus():
    found = rows([record(spec(), [measurement(1024, 3.1, 3.5), measurement(2048, 3.2, 3.0)])])
    assert [(r["tokens"], r["corpus"], round(r["loss"], 6)) for r in found] == [
        (1024, "general", 3.1),
        (1024, "code", 3.5),
        (2048, "general", 3.2),
        (2048, "code", 3.0),
    ]


def test_a_row_says_all_about_its_trial():
    asked = spec("search", "qlora", 0.3, seed=7)
    row = rows([record(asked, [measurement(1024, 3.1, 3.5)], state="pruned", purpose="compare")])[1]
    assert row["trial"] == asked.id
    expected = {
        "experiment": "demo",
        "role": "search",
        "corpus": "code",
        "corpus_role": "domain",
        "split": "valid",
        "base_model": "tiny",
        "params": 1000,
        "params_non_embedding": 500,
        "tokens": 1024,
        "domain_ratio": 0.3,
        "ratio.general": 0.7,
        "ratio.code": 0.3,
        "method": "qlora",
        "lora_r": 4,
        "lora_alpha": 8.0,
        "learning_rate": 1e-3,
        "lr_fraction": 1.0,
        "seed": 7,
        "eval_tokens": 20,
        "unique_tokens": 768,
        "purpose": "compare",
        "state": "pruned",
    }
    assert {name: row[name] for name in expected} == expected
    assert row["lr_area"] == pytest.approx(921.6)


def test_derived_numbers_match_hand_computed_ones():
    row = rows([record(spec(ratio=0.5), [measurement(1024, 3.1, 3.5)])])[1]
    # Documents of 10 tokens at 32.5 and 37.5 nats: sqrt(2/1 * (2.5^2 + 2.5^2)) / 20, by 1,000 resamples.
    assert row["stderr"] == pytest.approx(0.25, rel=0.05)
    assert row["bits_per_byte"] == pytest.approx(70 / math.log(2) / 100)
    assert row["perplexity"] == pytest.approx(math.exp(3.5))
    # 512 tokens drawn from code, of which 256 distinct.
    assert row["epochs"] == pytest.approx(2.0)


def test_base_rows_have_no_ratio_and_no_learning_rate():
    row = rows([base_record()])[0]
    assert (row["role"], row["tokens"], row["loss"], row["base_loss"]) == ("base", 0, 3.0, 3.0)
    assert all(math.isnan(row[name]) for name in ("domain_ratio", "ratio.code", "learning_rate", "epochs"))
    assert row["lora_r"] is None


def test_each_method_gets_the_base_loss_that_it_starts_from():
    bases = [base_record("full", 3.0, 4.0), base_record("qlora", 3.2, 4.2)]
    trials = [record(spec(method=m), [measurement(1024, 3.1, 3.5)]) for m in ("full", "lora", "qlora")]
    found = rows([*trials, *bases])[:6]
    assert [(r["method"], r["base_loss"]) for r in found if r["corpus"] == "code"] == [
        ("full", 4.0),
        ("lora", 4.0),
        ("qlora", 4.2),
    ]


def test_an_unknown_base_loss_is_nan_unless_it_is_given():
    trial = record(spec(), [measurement(1024, 3.1, 3.5)])
    assert math.isnan(rows([trial])[0]["base_loss"])
    given = {("f-tiny", "full", "general", "valid"): 2.9}
    assert rows([trial], base_losses=given)[0]["base_loss"] == 2.9


def test_base_losses_of_another_model_are_not_borrowed():
    other = spec(model=ModelRef(name="other", path="/models/other", fingerprint="f-other"))
    assert math.isnan(rows([base_record(), record(other, [measurement(1024, 3.1, 3.5)])])[-1]["base_loss"])


def test_pre_training_trials_are_left_out():
    pretraining = record(spec("base", max_tokens=4096), [measurement(4096, 3.0, 5.0)])
    assert rows([pretraining]) == []
    assert measured_base_losses([pretraining]) == {}
    assert build_document_table([pretraining]).num_rows == 0


def test_model_size_comes_from_a_trial_without_adapter():
    qlora = record(spec(method="qlora"), [measurement(1024, 3.1, 3.5)], params=1100)
    assert {r["params"] for r in rows([qlora])} == {1100}
    assert {r["params"] for r in rows([qlora, base_record()])} == {1000}


def test_a_running_trial_of_an_unknown_size_has_no_params():
    running = record(spec(), [measurement(1024, 3.1, 3.5)], state="running")
    assert rows([running])[0]["params"] is None
    table = build_table(
        [running, record(spec(model=ModelRef(name="o", path="/models/o", fingerprint="o")), [measurement(1, 3, 3)])],
        target="code",
        corpus_roles=ROLES,
    )
    assert math.isnan(to_columns(table)["params"][0])


def test_document_losses_add_up_to_the_loss():
    documents = build_document_table([record(spec(), [measurement(1024, 3.1, 3.5)])]).to_pylist()
    code = [d for d in documents if d["corpus"] == "code"]
    assert [d["document"] for d in code] == [0, 1]
    assert sum(d["nll"] for d in code) / sum(d["scored_tokens"] for d in code) == pytest.approx(3.5)
