from dataclasses import replace
from typing import Any

import pytest

from sweeper.laws import LawSet, Recommendation
from sweeper.laws.uses.recommendation import Band, Curve, PredictedLoss
from sweeper.measurements import PairedDifference
from sweeper.pipeline.answer import Answer
from sweeper.pipeline.compare import Comparison
from sweeper.pipeline.confirm import Confirmation, CorpusCheck
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.fit import Fitted
from sweeper.pipeline.plain import json_text
from sweeper.pipeline.settings import Setting
from tests.pipeline.made_up import experiment
from tests.trial_records import measurement, record, spec
from trainers.messages import Exported, ExportedLoss

SETTINGS = {"full": Setting("full", 2.1e-4, None, 0.4, 2.0), "qlora": Setting("qlora", 1e-3, 8, 0.4, 2.1)}


def recommendation(**changes: Any) -> Recommendation:
    plain = Recommendation(
        target="code", tokens=240e3, params=1.3e6, constraint={"general": (3.0, 0.03)}, domain_ratio=0.38,
        interval=(0.3, 0.45),
        predicted={"code": PredictedLoss(1.94, 1.92, 1.96), "general": PredictedLoss(3.05, 3.0, 3.1)},
        p_constraint=0.934, regret=0.001, holds=True, binds=True, extrapolation=1.5, trust=[], notes=[],
        curve=Curve([0.0], {"code": Band([1.0], [1.0], [1.0])}, [1.0]),
    )  # fmt: skip
    return replace(plain, **changes)


def check(corpus: str, predicted: float, measured: float, base: float) -> CorpusCheck:
    return CorpusCheck(
        corpus=corpus, predicted=predicted, low=predicted - 0.02, high=predicted + 0.02, measured=measured,
        covered=abs(measured - predicted) <= 0.02, nearest=predicted + 0.09, base=base, test_predicted=predicted,
        test_measured=measured, test_base=base,
    )  # fmt: skip


def confirmation(general: float = 3.05) -> Confirmation:
    checks = {"code": check("code", 1.94, 1.95, 4.0), "general": check("general", 3.05, general, 3.0)}
    holds = general <= 3.09
    trained = record(spec("confirm"), [measurement(2048, general, 1.95)])
    return Confirmation(trained, checks, limit=3.09, holds=holds, test_limit=3.09, test_holds=holds)


def saved() -> Exported:
    """The confirming run's model, saved in bf16."""
    valid = ExportedLoss(corpus="code", split="valid", trained=1.95, exported=1.951)
    test = ExportedLoss(corpus="code", split="test", trained=1.97, exported=1.969)
    return Exported(dtype="bf16", losses=(valid, test), seconds=1.0)


def answer(confirmed: Confirmation | None = None, stderr: float = 0.01, **changes: Any) -> Answer:
    difference = {"qlora": {"code": PairedDifference(0.1, stderr)}}
    comparison = Comparison(0.33, SETTINGS, {}, "full", difference)  # type: ignore[arg-type]
    laws = LawSet({}, "code", {}, (0.0, 1.0), 1.0, 1.0, "full", None, 0)
    return Answer(experiment(), comparison, Fitted(None, laws, recommendation(**changes)), confirmed)  # type: ignore[arg-type]


def test_the_sentence_says_what_to_do_how_sure_it_is_and_what_was_measured() -> None:
    assert answer(confirmation()).sentence() == (
        "Mix 38% code text, full, learning rate 0.00021, 240k tokens; general loss stays within your 3% with "
        "probability 0.93; predicted code loss 1.940 ± 0.020; measured in the confirming run 1.950 (nearest measured "
        "run would have said 2.030)."
    )


def test_without_a_confirming_run_the_sentence_ends_with_the_prediction() -> None:
    assert answer().sentence().endswith("predicted code loss 1.940 ± 0.020.")
    assert answer().lines() == []


@pytest.mark.parametrize(("general", "word", "inside"), [(3.05, "held", "inside"), (3.2, "broken", "outside")])
def test_predicted_against_measured_and_the_constraint(general: float, word: str, inside: str) -> None:
    lines = answer(confirmation(general)).lines()
    assert lines[0].startswith("code: predicted 1.9400 [1.9200, 1.9600], measured 1.9500 (inside the 90 % interval")
    assert inside in lines[1]
    assert lines[2].startswith(
        f"constraint {word}: general {general:.4f}, limit 3.0900 (base 3.0000); on the test part {word}"
    )


def test_the_recommendation_names_everything_that_a_training_needs() -> None:
    plain = answer().recommendation_dict()
    assert plain["mixture"] == pytest.approx({"general": 0.62, "code": 0.38})
    assert (plain["method"], plain["learning_rate"], plain["lora_r"]) == ("full", 2.1e-4, None)
    assert (plain["base_model"], plain["max_tokens"]) == ("builtin:tiny-m", 240_000)
    assert plain["trainer"]["max_seq_length"] == 128


def test_words_against_the_recommendation_are_passed_on() -> None:
    assert answer(trust=["Too few points."]).to_dict(Counts())["do_not_trust"] == ["Too few points."]


def test_an_unknown_standard_error_does_not_break_the_json() -> None:
    text = json_text(answer(confirmation(), stderr=float("nan")).to_dict(Counts()))
    assert '"stderr": null' in text
    assert "NaN" not in text


def test_the_saved_models_losses_stand_beside_the_trained_ones() -> None:
    confirmed = confirmation()
    assert confirmed.record.finished is not None
    confirmed.record.finished = confirmed.record.finished.model_copy(update={"exported": saved()})
    assert answer(confirmed).lines()[-1] == (
        "saved model: bf16, measured again: code 1.9510 (trained 1.9500), code (test part) 1.9690 (trained 1.9700)"
    )
    assert confirmed.to_dict()["exported"]["dtype"] == "bf16"
    assert confirmation().to_dict()["exported"] is None
