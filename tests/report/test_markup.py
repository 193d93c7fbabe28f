import math

import pytest

from sweeper.report import Table
from sweeper.report.markup import column_texts, number, table_html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (3.61024, "3.6102"),
        (0.5, "0.5"),
        (12.3456, "12.35"),
        (-0.0033, "−0.0033"),
        (2.1e-4, "2.1e-4"),
        (-2.5e-5, "−2.5e-5"),
        (1843201, "1\u202f843\u202f201"),
        (math.nan, "–"),
        (math.inf, "∞"),
    ],
)
def test_numbers_are_short_and_exact_enough(value, text):
    assert number(value) == text


def test_a_column_has_one_number_of_decimals():
    assert column_texts([4.6, 4.2375, None, "x", 3]) == ["4.6000", "4.2375", "–", "x", "3"]
    assert column_texts([-0.5, 0.25]) == ["−0.50", "0.25"]


def test_a_column_of_learning_rates_is_in_powers():
    assert column_texts([6.6e-3, 3e-4, None], in_powers=True) == ["6.6e-3", "3e-4", "–"]


def test_numbers_are_set_to_the_right_and_sort_by_value():
    html = table_html(Table(("name", "tokens"), (("a", 2000), ("b", None))), sortable=True)
    assert '<td class="number" data-value="2000.0">2\u202f000</td>' in html
    assert "<td>a</td>" in html
    assert '<table class="sortable">' in html


def test_states_are_badges_and_text_is_escaped():
    html = table_html(Table(("state",), (("failed",), ("<failed>",)), note="a < b"))
    assert '<span class="badge bad">failed</span>' in html
    assert "<td>&lt;failed&gt;</td>" in html
    assert "a &lt; b" in html
