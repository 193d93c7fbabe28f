from dataclasses import replace

import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from sweeper.laws.fits.cross_domain import first_decline, fit_cross_domain

BASES = {"law": 3.0, "code": 3.6, "math": 4.0, "music": 4.6, "medicine": 5.2}


def truth(base, tokens, share):
    """A domain that starts at twice the loss stays higher by a term of the power 1.5 of that."""
    learnt = 0.5 * share**0.4 * (tokens / 2e5) ** -0.4
    return 1.2 + learnt + 0.1 / (share + 0.1) ** 0.5 + 0.6 * (base / 4.0) ** 1.5


def domain_table(name, noise=0.001, shares=(0.2, 0.5, 1.0), seed=0):
    rng = np.random.default_rng([seed, len(name)])
    rows = [
        (
            name,
            f"t{share}",
            tokens,
            share,
            BASES[name],
            truth(BASES[name], tokens, share) * np.exp(rng.normal(0, noise)),
        )
        for share in shares
        for tokens in (5e4, 1e5, 1.5e5, 2e5)
    ]
    names = ("corpus", "trial", "tokens", "domain_ratio", "base_loss", "loss")
    columns = {column: list(values) for column, values in zip(names, zip(*rows, strict=True), strict=True)}
    return table_from_columns(columns, target=name)


@pytest.fixture(scope="module")
def tables():
    return {name: domain_table(name) for name in BASES}


def test_the_first_decline_is_that_of_the_first_checkpoint_at_the_largest_share():
    expected = (3.0 - truth(3.0, 5e4, 1.0)) / 5e4
    assert first_decline(domain_table("law", noise=0.0)) == pytest.approx(expected)


def test_a_domain_that_was_left_out_is_predicted_from_its_loss_before_training(tables):
    seen = {name: table for name, table in tables.items() if name != "math"}
    fit = fit_cross_domain(seen, learnability="cross-domain-start")
    found = fit.predict(base_loss=4.0, tokens=2e5, params=1.0, share=[0.2, 0.5, 1.0])
    expected = truth(4.0, 2e5, np.array([0.2, 0.5, 1.0]))
    assert found.loss == pytest.approx(expected, rel=0.01)
    assert np.all((found.low < expected) & (expected < found.high))


def test_held_out_domains_and_intervals_tell_whether_the_law_holds(tables):
    fit = fit_cross_domain(tables)
    assert set(fit.held_out) == set(fit.without) == set(BASES)
    assert fit.error < 0.02
    found = fit.predict(base_loss=4.0, decline=first_decline(tables["math"]), tokens=2e5, params=1.0, share=0.5)
    assert float(found.loss) == pytest.approx(truth(4.0, 2e5, 0.5), rel=0.01)
    shuffled = {name: domain_table(name) for name in BASES}
    for (name, table), other in zip(tables.items(), (5.2, 3.0, 4.6, 3.6, 4.0), strict=True):
        shuffled[name] = replaced_base(table, other)
    assert fit_cross_domain(shuffled, learnability="cross-domain-start").error > 5 * fit.error


def test_what_a_law_over_domains_needs_is_asked_for(tables):
    with pytest.raises(LawError, match="domains: 2; a law over domains needs 3"):
        fit_cross_domain({name: tables[name] for name in ("law", "code")})
    fit = fit_cross_domain(tables)
    with pytest.raises(LawError, match="needs the decline of the first steps"):
        fit.predict(base_loss=4.0, tokens=2e5, params=1.0, share=0.5)
    bare = {**tables, "law": replaced_base(tables["law"], np.nan)}
    with pytest.raises(LawError, match="base_loss: law has none"):
        fit_cross_domain(bare)


def replaced_base(table, base):
    return replace(table, base_loss=np.full(len(table), base))
