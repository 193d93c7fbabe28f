import numpy as np
import pytest

from sweeper.laws import LawError, LawSet, fit, held_out_nats, nearest_measured, table_from_columns
from sweeper.laws.fits.serialise import VERSION
from tests.laws.simulated_cpt import (
    anchored_truth,
    dcpt_truth,
    logarithmic_truth,
    other_truth,
    simulate,
    simulated_table,
)

BOOTSTRAP = 24


@pytest.fixture(scope="module")
def anchored_fits():
    return fit(simulated_table(anchored_truth), bootstrap=BOOTSTRAP)


@pytest.fixture(scope="module")
def dcpt_fits():
    return fit(simulated_table(dcpt_truth, base=False), bootstrap=BOOTSTRAP)


def worst_error(fits, truth, corpus):
    ratios, tokens = (0.2, 0.5, 0.8), (80e3, 160e3, 200e3)
    grid = [(r, d) for r in ratios for d in tokens]
    predicted = fits.predict(corpus, tokens=[d for _, d in grid], domain_ratio=[r for r, _ in grid], params=1.3e6)
    return np.max(np.abs(predicted.loss / [truth(corpus, 1.3e6, d, r) for r, d in grid] - 1))


@pytest.mark.parametrize("corpus", ["general", "code"])
def test_anchored_truth_is_recovered_at_unseen_ratios(anchored_fits, corpus):
    assert anchored_fits.corpora[corpus].law == "anchored"
    assert worst_error(anchored_fits, anchored_truth, corpus) < 0.005


@pytest.mark.parametrize("corpus", ["general", "code"])
def test_dcpt_truth_is_recovered_at_unseen_ratios(dcpt_fits, corpus):
    assert dcpt_fits.corpora[corpus].law == "dcpt"
    assert worst_error(dcpt_fits, dcpt_truth, corpus) < 0.005


def test_auto_takes_dcpt_where_it_clearly_predicts_left_out_ratios_better():
    fits = fit(simulated_table(dcpt_truth, noise=2e-4), bootstrap=0)
    errors = {n: held_out_nats(c)["leave_one_ratio_out"] for n, c in fits.corpora["code"].candidates.items()}
    assert fits.corpora["code"].law == "dcpt"
    assert errors["dcpt"] < errors["anchored"]


def test_general_loss_that_rises_then_falls_is_followed_by_the_anchored_law_only(anchored_fits):
    fit_ = anchored_fits.corpora["general"]
    tokens = np.array([10e3, 60e3, 230e3])
    truth = [anchored_truth("general", 1.3e6, d, 0.5) for d in tokens]
    assert truth[0] < truth[1] > truth[2]
    loss = anchored_fits.predict("general", tokens=tokens, domain_ratio=0.5, params=1.3e6).loss
    assert loss[0] < loss[1] > loss[2]
    assert fit_.candidates["dcpt"].quality.rmse > 5 * fit_.candidates["anchored"].quality.rmse


def test_without_base_losses_the_anchored_law_estimates_them_and_that_is_said():
    fits = fit(simulated_table(anchored_truth, base=False), law="anchored", bootstrap=0)
    assert any("Base losses are missing" in note for note in fits.corpora["code"].notes)
    assert worst_error(fits, anchored_truth, "code") < 0.01


def test_named_law_is_fitted_alone():
    fits = fit(simulated_table(anchored_truth), law="dcpt", bootstrap=0)
    assert list(fits.corpora["code"].candidates) == ["dcpt"]


def test_same_seed_gives_the_same_laws_and_another_seed_other_samples():
    table = simulated_table(anchored_truth, tokens=(80e3, 120e3, 160e3))
    texts = [fit(table, seed=seed, bootstrap=4).to_json() for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]


def test_laws_survive_json_with_their_predictions(anchored_fits):
    again = LawSet.from_json(anchored_fits.to_json())
    where = {"tokens": 2e5, "domain_ratio": [0.2, 0.4], "params": 1.3e6}
    before, after = anchored_fits.predict("code", **where), again.predict("code", **where)
    assert np.array_equal(before.samples, after.samples)
    assert np.array_equal(before.loss, after.loss)
    assert again.to_json() == anchored_fits.to_json()


@pytest.mark.parametrize(
    "text", ["", "{}", '{"version": 99}', f'{{"version": {VERSION}}}', f'{{"version": {VERSION}, "fitted": []}}']
)
def test_text_that_is_no_law_set_is_refused(text):
    with pytest.raises(LawError, match="run fit again"):
        LawSet.from_json(text)


def test_replicates_give_the_noise_of_a_run():
    sds = [
        fit(simulated_table(anchored_truth, noise=0.004, seed=s, replicates=6), law="anchored", bootstrap=0)
        .corpora["code"]
        .noise_log.sd
        for s in range(4)
    ]
    assert np.sqrt(np.mean(np.square(sds))) == pytest.approx(0.004, rel=0.35)


def test_without_replicates_the_spread_stands_in_and_that_is_said():
    fits = fit(simulated_table(anchored_truth, replicates=0), law="anchored", bootstrap=0)
    assert fits.corpora["code"].noise > 0
    assert any("No run was repeated" in note for note in fits.corpora["code"].notes)


def test_intervals_widen_with_noise_and_with_extrapolation(anchored_fits):
    def width(**changes):
        p = anchored_fits.predict("general", **{"tokens": 1.6e5, "domain_ratio": 0.5, "params": 1.3e6, **changes})
        return float(p.high - p.low)

    assert width(noise=False) < width() < width(tokens=3.2e5) < width(tokens=6.4e5)
    assert width(level=0.5) < width()


def test_extrapolation_is_named(anchored_fits):
    near = anchored_fits.predict("code", tokens=2.4e5, domain_ratio=0.5, params=1.3e6)
    far = anchored_fits.predict("code", tokens=4.8e5, domain_ratio=0.5, params=1.3e6)
    assert near.extrapolation == pytest.approx(1.5)
    assert far.extrapolation == pytest.approx(3.0)
    assert any("beyond twice" in note for note in far.notes)
    assert not any("beyond twice" in note for note in near.notes)


def test_shares_and_domain_ratio_ask_the_same(anchored_fits):
    ask = {"tokens": 1e5, "params": 1.3e6}
    by_ratio = anchored_fits.predict("general", domain_ratio=0.3, **ask)
    by_share = anchored_fits.predict("general", shares={"general": 0.7, "code": 0.3}, **ask)
    assert float(by_ratio.loss) == pytest.approx(float(by_share.loss))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokens": 0}, "tokens"),
        ({"tokens": np.inf}, "tokens"),
        ({"tokens": np.nan}, "tokens"),
        ({"params": -1.3e6}, "params"),
        ({"params": np.nan}, "params"),
        ({"lr_area": -1.0}, "lr_area"),
        ({"lr_area": 2e5}, "lr_area"),
        ({"domain_ratio": 1.5}, "domain_ratio"),
        ({"domain_ratio": None}, "domain_ratio"),
        ({"params": 3e6}, "params"),
        ({"level": 1.0}, "level"),
        ({"corpus": "law"}, "general, code"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(anchored_fits, changes, words):
    ask = {"corpus": "code", "tokens": 1e5, "domain_ratio": 0.5, "params": 1.3e6, **changes}
    with pytest.raises(LawError, match=words):
        anchored_fits.predict(ask.pop("corpus"), **ask)


def test_three_sizes_predict_a_size_that_was_not_measured():
    columns = simulate(anchored_truth, sizes=(0.5e6, 1.3e6, 3e6), replicates=0, tokens=(40e3, 80e3, 120e3, 160e3))
    table = table_from_columns(columns)
    fits = fit(table, law="anchored", bootstrap=0)
    predicted = fits.predict("code", tokens=160e3, domain_ratio=0.5, params=2e6)
    ends = [anchored_truth("code", n, 160e3, 0.5) for n in (3e6, 1.3e6)]
    assert ends[0] < float(predicted.loss) < ends[1]
    assert any("size that was not measured" in note for note in predicted.notes)


def test_cooled_runs_identify_the_annealing_term():
    columns = simulate(anchored_truth, replicates=0)
    twice = {name: values * 2 for name, values in columns.items()}
    half = len(columns["loss"])
    cooled = [i >= half and d > 150e3 for i, d in enumerate(twice["tokens"])]
    keep = [i for i in range(2 * half) if i < half or cooled[i]]
    twice["loss"] = [x * (0.97 if c else 1) for x, c in zip(twice["loss"], cooled, strict=True)]
    twice["lr_fraction"] = [0.0 if c else 1.0 for c in cooled]
    twice["trial"] = [t + ("c" if c else "") for t, c in zip(twice["trial"], cooled, strict=True)]
    fits = fit(table_from_columns({n: [v[i] for i in keep] for n, v in twice.items()}), law="anchored", bootstrap=0)
    assert fits.corpora["code"].parameters["C"].value == pytest.approx(-np.log(0.97), rel=0.05)


def test_corpus_that_is_in_no_mixture_gets_no_law():
    columns = simulate(anchored_truth)
    rows = range(len(columns["loss"]))
    columns["ratio.code"] = columns["domain_ratio"]
    columns["ratio.general"] = [1 - r for r in columns["domain_ratio"]]
    unseen = {n: [v[i] for i in rows if columns["corpus"][i] == "general"] for n, v in columns.items()}
    unseen["corpus"] = ["poems"] * len(unseen["corpus"])
    unseen["corpus_role"] = [""] * len(unseen["corpus"])
    table = table_from_columns({n: [*columns[n], *unseen[n]] for n in columns})
    fits = fit(table, law="anchored", bootstrap=0)
    assert set(fits.corpora) == {"general", "code"}
    assert any("poems is in no mixture" in note for note in fits.notes)


@pytest.mark.parametrize(("truth", "widest", "seeds"), [(other_truth, 0.08, 5), (logarithmic_truth, 0.1, 3)])
def test_ninety_percent_intervals_cover_a_truth_of_another_form(truth, widest, seeds):
    covered = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        fits = fit(simulated_table(truth, seed=seed, noise=0.002), bootstrap=BOOTSTRAP)
        for corpus in fits.corpora:
            for ratio in (0.2, 0.5, 0.8):
                for tokens in (120e3, 160e3, 220e3):
                    new_run = truth(corpus, 1.3e6, tokens, ratio) * np.exp(rng.normal(0, 0.002))
                    p = fits.predict(corpus, tokens=tokens, domain_ratio=ratio, params=1.3e6)
                    covered.append(p.low <= new_run <= p.high)
                    assert p.high - p.low < widest * new_run
    assert np.mean(covered) >= 0.8


def test_nearest_measured_is_nearest_in_ratio_then_in_tokens():
    table = simulated_table(anchored_truth, noise=0.0)
    loss = nearest_measured(table, corpus="code", tokens=240e3, domain_ratio=0.4, params=1.3e6, method="full")
    assert loss == pytest.approx(anchored_truth("code", 1.3e6, 160e3, 0.33))
    with pytest.raises(LawError, match="params"):
        nearest_measured(table, corpus="code", tokens=1e5, domain_ratio=0.4, params=7e6, method="full")


def test_a_run_that_was_left_early_is_not_the_nearest():
    table = simulated_table(anchored_truth, noise=0.0)
    long = (table.domain_ratio != 0.33) | (table.tokens < 60e3)
    loss = nearest_measured(
        table.rows(long), corpus="code", tokens=240e3, domain_ratio=0.3, params=1.3e6, method="full"
    )
    assert loss == pytest.approx(anchored_truth("code", 1.3e6, 160e3, 0.1))


def test_left_out_ratios_are_not_seen(anchored_fits):
    candidate = anchored_fits.corpora["code"].candidates["anchored"]
    held_out = held_out_nats(candidate)
    assert held_out["leave_one_ratio_out_extremes"] > 10 * candidate.quality.rmse
    assert held_out["leave_one_ratio_out"] > candidate.quality.rmse


def test_parameters_are_as_unsure_as_runs_differ(anchored_fits):
    noisy = fit(simulated_table(anchored_truth, noise=0.02), law="anchored", bootstrap=0)
    calm, wide = (each.corpora["code"].parameters["A"] for each in (anchored_fits, noisy))
    assert calm.low < calm.value < calm.high
    assert 0 < calm.stderr < wide.stderr


def test_a_new_run_is_taken_to_end_as_measured_ones_did():
    columns = simulate(anchored_truth, replicates=0)
    columns["lr_fraction"] = [1.0 - 0.9 * d / 160e3 for d in columns["tokens"]]
    columns["lr_area"] = [d * (1 - 0.45 * d / 160e3) for d in columns["tokens"]]
    fits = fit(table_from_columns(columns), law="anchored", bootstrap=0)
    ask = {"tokens": 160e3, "domain_ratio": 0.5, "params": 1.3e6}
    said = fits.predict("code", **ask, lr_area=160e3 * 0.55, lr_fraction=0.1)
    assert float(fits.predict("code", **ask).loss) == pytest.approx(float(said.loss))


def test_repeated_text_is_worth_less(anchored_fits):
    ask = {"tokens": 1.6e5, "domain_ratio": 0.5, "params": 1.3e6}
    fresh, some, much = (
        float(anchored_fits.predict("code", **ask, unique_tokens=unique).loss) for unique in (None, 4e4, 2e3)
    )
    assert fresh < some < much
    assert some - fresh < 0.2 * (much - fresh)


def test_ranks_have_amplitudes_of_their_own_and_others_lie_between():
    columns = simulate(anchored_truth, replicates=0, sizes=(1.3e6,))
    low = {name: list(values) for name, values in columns.items()}
    low["loss"] = [
        base * (loss / base) ** 0.7
        for loss, base in zip(low["loss"], [4.3 if c == "general" else 5.1 for c in low["corpus"]], strict=True)
    ]
    low["trial"] = [f"low-{trial}" for trial in low["trial"]]
    both = {name: [*columns[name], *low[name]] for name in columns}
    half = len(columns["loss"])
    both["method"] = ["lora"] * 2 * half
    both["lora_r"] = [64.0] * half + [4.0] * half
    fits = fit(table_from_columns(both), law="anchored", bootstrap=0)
    ask = {"tokens": 160e3, "domain_ratio": 0.67, "params": 1.3e6}
    losses = [float(fits.predict("code", **ask, lora_r=rank).loss) for rank in (4, 16, 64)]
    full = anchored_truth("code", 1.3e6, 160e3, 0.67)
    assert losses[2] == pytest.approx(full, rel=0.004)
    assert losses[0] == pytest.approx(5.1 * (full / 5.1) ** 0.7, rel=0.004)
    assert losses[0] > losses[1] > losses[2]


def test_a_size_without_base_loss_is_predicted_by_laws_that_need_none():
    columns = simulate(anchored_truth, tokens=(80e3, 120e3, 160e3), replicates=0)
    keep = [i for i, (d, n) in enumerate(zip(columns["tokens"], columns["params"], strict=True)) if d > 0 or n > 1e6]
    fits = fit(table_from_columns({n: [v[i] for i in keep] for n, v in columns.items()}), law="anchored", bootstrap=0)
    for size in (0.5e6, 1.3e6):
        loss = fits.predict("code", tokens=160e3, domain_ratio=0.5, params=size).loss
        assert float(loss) == pytest.approx(anchored_truth("code", size, 160e3, 0.5), rel=0.01)


def test_with_two_ratios_the_anchored_law_is_taken_since_none_can_be_left_out():
    fits = fit(simulated_table(anchored_truth, ratios=(0.1, 0.5), replicates=0, base=False), bootstrap=0)
    for corpus in fits.corpora.values():
        assert corpus.law == "anchored" and "dcpt" in corpus.candidates


@pytest.mark.parametrize(("cooled", "fraction"), [(2, 1.0), (3, 0.0), (5, 0.0)])
def test_a_new_run_cools_down_where_half_of_the_runs_did(cooled, fraction):
    columns = simulate(anchored_truth, replicates=0, sizes=(1.3e6,), tokens=(80e3, 160e3), ratios=(0.1, 0.2, 0.3))
    count, names = len(columns["loss"]), [f"t{i}" for i in range(3)]
    late = [i for i in range(count) if columns["tokens"][i] > 150e3]
    columns["lr_fraction"] = [1.0] * count
    for again in range(-(-cooled // 3)):
        for i in [i for i in late if columns["trial"][i] in names[: cooled - 3 * again]]:
            row = {name: values[i] for name, values in columns.items()}
            row |= {"trial": f"{row['trial']}c{again}", "lr_fraction": 0.0, "seed": again}
            for name, value in row.items():
                columns[name].append(value)
    assert fit(table_from_columns(columns), law="anchored", bootstrap=0).end_fraction == fraction


def test_without_base_losses_unmeasured_sizes_lie_on_the_trend_and_two_sizes_have_none():
    def fitted(*sizes):
        options = {"sizes": sizes, "replicates": 0, "base": False, "tokens": (40e3, 80e3, 120e3, 160e3)}
        return fit(simulated_table(anchored_truth, **options), law="anchored", bootstrap=0)

    where = {"tokens": 160e3, "domain_ratio": 0.5}
    three = fitted(0.5e6, 1.3e6, 3e6).predict("code", params=[0.25e6, 0.5e6, 0.8e6, 1.3e6, 2e6, 3e6, 6e6], **where)
    assert np.all(np.diff(three.loss) < -0.02)
    with pytest.raises(LawError, match="params: 800000 was not measured"):
        fitted(0.5e6, 1.3e6).predict("code", params=0.8e6, **where)


def test_a_seed_below_zero_is_refused_in_words():
    with pytest.raises(LawError, match="seed: -1 is below 0"):
        fit(simulated_table(anchored_truth), seed=-1)
