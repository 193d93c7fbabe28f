"""How a budget is divided."""

from sweeper.spending.parts import Forecast, Part, divide, part_of
from tests.trial_records import base_record, record, spec

NOTHING: dict[Part, float] = {"search": 0.0, "law": 0.0, "confirm": 0.0}


def test_the_confirming_run_is_set_aside_and_the_search_has_its_share_of_the_rest() -> None:
    parts = divide(100.0, 0.25, Forecast(search=1000.0, law=1000.0, confirm=20.0), NOTHING)
    assert (parts.search, parts.law, parts.confirm) == (20.0, 80.0, 100.0)  # of the 80, as far as others leave it


def test_what_the_search_spends_is_not_the_laws() -> None:
    parts = divide(100.0, 0.25, Forecast(1000.0, 1000.0, 20.0), {**NOTHING, "search": 15.0})
    assert parts.law == 65.0
    assert parts.confirm == 85.0


def test_what_the_law_does_not_need_is_the_searchs() -> None:
    assert divide(100.0, 0.25, Forecast(1000.0, 30.0, 20.0), NOTHING).search == 50.0


def test_a_search_that_is_taken_up_again_has_no_more_than_the_law_left() -> None:
    spent = {**NOTHING, "search": 5.0, "law": 70.0}
    assert divide(100.0, 0.25, Forecast(1000.0, 1000.0, 20.0), spent).search == 10.0


def test_the_next_confirming_run_is_set_aside_beside_one_that_was_trained() -> None:
    parts = divide(100.0, 0.25, Forecast(1000.0, 1000.0, 20.0), {**NOTHING, "confirm": 20.0})
    assert (parts.search, parts.law) == (15.0, 60.0)


def test_a_budget_below_the_confirming_run_leaves_nothing() -> None:
    parts = divide(10.0, 0.25, Forecast(1000.0, 1000.0, 20.0), NOTHING)
    assert (parts.search, parts.law) == (0.0, 0.0)


def test_comparisons_and_rate_checks_are_the_laws_and_base_models_are_nobodys() -> None:
    assert part_of(record(spec("law"), [], purpose="compare")) == "law"
    assert part_of(record(spec("search"), [], purpose="learning rate")) == "law"
    assert part_of(record(spec("search"), [], purpose="search")) == "search"
    assert part_of(record(spec("confirm"), [], purpose="confirm")) == "confirm"
    assert part_of(record(spec("law"), [], purpose="another")) == "law"
    assert part_of(base_record()) is None
