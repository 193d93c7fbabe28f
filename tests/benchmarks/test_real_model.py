"""What the comparison on a real model trains, keeps and computes; the real model itself takes no part."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.real_model import TEMPLATE, alone, best_settings, experiment, measured_so_far
from benchmarks.real_model_arms import ARMS, STARTS, Budget, Series, Setting, measured
from benchmarks.real_model_figures import HEALING, PAIRS, Results, added, comparisons, figures
from benchmarks.real_model_plot import mean_curve, plot
from benchmarks.real_model_tables import tables
from sweeper.experiment import parse_experiment
from sweeper.pipeline.specs import SpecFactory
from tests.trial_records import corpus_loss, finished, record, spec
from trainers.errors import TrainerError
from trainers.messages import CONTINUE, Failure, Finished, Measurement, Message, Verdict
from trainers.spec import CorpusRef, ModelRef, TrialSpec

Report = Callable[[Message], Verdict]


def _experiment() -> Any:
    return parse_experiment(experiment(Path("/texts")), "test")


@pytest.fixture
def series(tmp_path: Path) -> Series:
    corpora = tuple(CorpusRef(name=n, path=f"/packed/{n}", fingerprint=n) for n in ("wiki", "filings"))
    models = {name: ModelRef(name=name, path=f"/{name}", fingerprint=name) for name in ("packaged", "nf4")}
    name = "builtin:smollm2-135m"
    factory = SpecFactory(_experiment(), {name: corpora}, {name: models["packaged"]}, "bf16", tmp_path)
    settings = {"full": Setting(1e-4, None), "qlora": Setting(1e-3, 16)}
    return Series(factory, models, settings, Budget(4096, (1024, 4096), 2048), tmp_path / "arms")  # type: ignore[arg-type]


def test_arms_differ_in_method_and_weights_alone(series: Series) -> None:
    specs = {arm.name: series.spec(arm, seed=2) for arm in ARMS}
    alike = {"mixture", "corpora", "seed", "max_tokens", "global_batch_size", "evaluate_at", "schedule", "precision"}
    assert len({json.dumps(s.model_dump(mode="json", include=alike)) for s in specs.values()}) == 1
    assert {(s.method, s.model.name) for s in specs.values()} == {
        *(("full", "packaged"), ("full", "nf4"), ("lora", "packaged"), ("lora", "nf4"), ("qlora", "packaged"))
    }
    assert {s.learning_rate for s in specs.values() if s.method == "full"} == {1e-4}
    assert {(s.learning_rate, s.lora.r) for s in specs.values() if s.lora} == {(1e-3, 16)}
    for made in specs.values():
        TrialSpec.model_validate(made.model_dump())  # what was changed after it was made is still allowed
        assert made.mixture == {"filings": 1.0}
        assert (made.seed, made.max_tokens, made.evaluation_splits) == (2, 4096, ("valid", "test"))


def test_every_arm_and_start_has_a_name_and_an_identity_of_its_own(series: Series) -> None:
    specs = [series.spec(arm, seed) for arm in ARMS for seed in (0, 1)]
    specs += [series.start(arm) for arm in ARMS if arm.name in STARTS]
    assert len({made.id for made in specs}) == len(specs) == 13
    assert {made.max_tokens for made in specs[-3:]} == {0}


def _measurement(tokens: int, filings: list[tuple[float, int]], wiki: list[tuple[float, int]]) -> Measurement:
    losses = [corpus_loss(n, d, s) for s in ("valid", "test") for n, d in (("filings", filings), ("wiki", wiki))]
    return Measurement(
        tokens=tokens, step=0, lr_area=0, lr_fraction=1, losses=tuple(losses), unique_tokens={}, seconds=1
    )


class _Trials:
    """Stands for training: measures at the end, and counts its calls."""

    def __init__(self, loss: float, fails: bool = False) -> None:
        self.calls, self._loss, self._fails = 0, loss, fails

    def __call__(self, asked: TrialSpec, report: Report) -> Finished | Failure:
        self.calls += 1
        assert report(_measurement(1024, [(9.0, 5)], [(9.0, 5)])) == CONTINUE
        if self._fails:
            return Failure(cause="error", reason="lightning", tokens=1024, repeatable=False)
        report(_measurement(4096, [(self._loss, 5)], [(1.0, 5)]))
        return finished()


def test_an_arm_is_trained_once_and_read_again(tmp_path: Path) -> None:
    trials = _Trials(5.0)
    first = measured(spec(), tmp_path / "arm.jsonl", trials)
    assert measured(spec(), tmp_path / "arm.jsonl", trials) == first
    assert trials.calls == 1
    assert [(m.tokens, m.loss("filings")) for m in first] == [(1024, 1.8), (4096, 1.0)]


def test_an_arm_that_failed_says_why_and_goes_on_when_run_again(tmp_path: Path) -> None:
    file = tmp_path / "arm.jsonl"
    with pytest.raises(TrainerError, match="arm: lightning"):
        measured(spec(), file, _Trials(5.0, fails=True))
    with file.open("a") as out:
        out.write('{"kind": "measu')  # killed while it wrote
    assert [m.tokens for m in measured(spec(), file, _Trials(5.0))] == [1024, 4096]


def test_only_arms_that_were_trained_to_their_end_take_part_so_far(series: Series) -> None:
    series.run(ARMS[0], 1, _Trials(5.0))
    series.run_start(ARMS[0], _Trials(7.0))
    with pytest.raises(TrainerError):
        series.run(ARMS[1], 0, _Trials(5.0, fails=True))
    found = measured_so_far(series, seeds=2)
    assert {arm: [[m.tokens for m in c] for c in curves] for arm, curves in found.curves.items()} == {
        "full": [[1024, 4096]]
    }
    assert {arm: m.loss("filings") for arm, m in found.starts.items()} == {"full": 1.4}


def test_another_setting_under_the_same_name_is_trained_anew(tmp_path: Path) -> None:
    file = tmp_path / "arm.jsonl"
    measured(spec(), file, _Trials(5.0))
    assert measured(spec(seed=1), file, _Trials(2.5))[-1].loss("filings") == 0.5


def _results() -> Results:
    ends = {"full": 2.0, "full on nf4": 2.1, "lora": 2.3, "lora on nf4": 2.7, "qlora": 2.75}

    def curve(end: float, seed: int) -> list[Measurement]:
        documents = [((end + seed / 10 + 0.5) * 10, 10), ((end + seed / 10 - 0.5) * 30, 30)]
        return [_measurement(1024, [(30.0, 10)], [(30.0, 10)]), _measurement(4096, documents, [(30.0, 10), (3.0, 1)])]

    starts = {
        arm: _measurement(0, [(x * 10, 10), (x * 10, 10)], [(40.0, 10), (4.0, 1)]) for arm, x in _starts().items()
    }
    return Results(starts, {arm: [curve(end, seed) for seed in (0, 1)] for arm, end in ends.items()}, "filings", "wiki")


def _starts() -> dict[str, float]:
    return {"full": 3.0, "full on nf4": 3.2, "qlora": 3.2}


def test_each_cause_is_the_difference_of_its_pair() -> None:
    found = {name: values["filings valid"]["difference"] for name, values in comparisons(_results()).items()}
    assert found["the claim: full against qlora"] == pytest.approx(-0.75)
    assert found["low rank, on packaged weights"] == pytest.approx(0.3)
    assert found["nf4, after full training"] == pytest.approx(0.1)
    assert found["nf4, after low-rank training"] == pytest.approx(0.4)
    assert found["nf4, before training"] == pytest.approx(0.2)
    assert found[HEALING] == pytest.approx(0.4 - 0.1)
    assert {v["wiki test"]["difference"] for v in comparisons(_results()).values()} == {0.0}


def test_an_unfinished_series_compares_the_seeds_that_both_have() -> None:
    whole = _results()
    curves = {**whole.curves, "qlora": whole.curves["qlora"][:1]}
    found = comparisons(Results(whole.starts, curves, "filings", "wiki"))
    seeds = {name: found[name]["filings valid"]["seeds"] for name in PAIRS}
    assert [name for name, n in seeds.items() if n == 1] == [name for name, pair in PAIRS.items() if "qlora" in pair]


def test_a_pair_that_was_not_measured_is_left_out() -> None:
    whole = _results()
    curves = {arm: whole.curves[arm] for arm in ("full", "qlora")}
    found = Results({"full": whole.starts["full"]}, curves, "filings", "wiki")
    assert list(comparisons(found)) == ["the claim: full against qlora"]
    assert "lora on nf4" in plot(whole)
    assert plot(found).count("<polyline") == 4


def test_tables_give_means_over_seeds_and_differences_with_their_errors(series: Series) -> None:
    trial = record(spec("search", learning_rate=1e-4), [_measurement(2048, [(10.0, 10)], [(20.0, 10)])])
    content = figures(_results(), [trial], series.settings, series)
    text = tables(json.loads(json.dumps(content)))
    assert "| full | 1.00e-04 |  | 2048 | completed | 1.0 | 2.0 |" in text
    assert "| qlora | 2 | 2.5500 (12." in text  # seeds end at 2.5 and 2.6
    assert "| lora | 3.0000 / 3.0000 | 2.1000 / 3.0000 |" in text
    assert "| the claim: full against qlora | -0.7500 ± 0.0000 (2) |" in text


def test_measurements_add_up_document_by_document() -> None:
    a = _measurement(0, [(4.0, 2), (9.0, 3)], [(1.0, 1)])
    b = _measurement(0, [(2.0, 2), (6.0, 3)], [(2.0, 1)])
    both = added(a, b)
    assert [d.nll for d in both.losses[0].documents] == [6.0, 15.0]
    assert both.loss("filings") == a.loss("filings") + b.loss("filings")
    assert both.loss("wiki", "test") == 3.0


def test_the_plot_shows_every_arm_on_both_corpora_from_its_start() -> None:
    results = _results()
    assert mean_curve(results, "lora on nf4", "filings") == [(0, 3.2), (1024, 3.0), (4096, pytest.approx(2.5))]
    root = ElementTree.fromstring(plot(results))
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2 * len(ARMS)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {arm.name for arm in ARMS} < texts


def test_the_best_setting_is_a_completed_trial_of_the_method() -> None:
    def trial(method: Any, rate: float, loss: float, state: Any = "completed") -> Any:
        end = _measurement(2048, [(loss * 10, 10)], [(10.0, 10)])
        return record(spec("search", method, learning_rate=rate), [end], state)

    trials = [trial("full", 1e-4, 2.0), trial("full", 3e-4, 1.5, "pruned"), trial("full", 2e-4, 1.8)]
    best = best_settings([*trials, trial("qlora", 1e-3, 2.5)])
    assert best == {"full": Setting(2e-4, None), "qlora": Setting(1e-3, 4)}


def test_the_committed_experiment_is_read_over_any_folder_of_corpora() -> None:
    content = experiment(Path("/texts"))
    assert content["corpora"]["filings"]["test"] == "/texts/sec_filings/test.jsonl.gz"
    assert TEMPLATE.is_file()
    single = parse_experiment(alone(content, "qlora"), "test")
    assert single.search.space.methods == ("qlora",)
    assert _experiment().search.space.methods == ("full", "qlora")
