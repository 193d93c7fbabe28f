"""Charts as SVG text: places, ticks, legend."""

from xml.etree import ElementTree

import pytest

from benchmarks.svg_chart import HEIGHT, WIDTH, Mark, Panel, log_ticks, number, svg, ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*marks, **options):
    return ElementTree.fromstring(svg([Panel("a < b", "tokens", marks, **options)], 2))


def test_ticks_are_round_and_few():
    assert ticks(0.1, 3.4) == pytest.approx([0.5, 1, 1.5, 2, 2.5, 3])
    assert ticks(-0.0002, 0.0002) == pytest.approx([-0.0002, -0.0001, 0, 0.0001, 0.0002])
    assert log_ticks(1, 12) == pytest.approx([1, 2, 5, 10])
    assert log_ticks(1, 20_000) == pytest.approx([1, 10, 100, 1000, 10_000])


def test_numbers_are_short():
    assert [number(v) for v in (0.30000000000000004, 2.0, 150_000, 2e6, 55e9)] == ["0.3", "2", "150k", "2M", "55B"]


def test_higher_values_are_further_up_and_a_log_axis_is_even_in_factors():
    dots = drawn(Mark([1, 10, 100], [1.0, 2.0, 3.0], "#111111", "dots"), log_x=True).findall(f".//{SVG}circle")
    xs, ys = ([float(dot.get(name)) for dot in dots] for name in ("cx", "cy"))
    assert ys[0] > ys[1] > ys[2]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.11)
    assert xs[0] > 0 and xs[2] < WIDTH and ys[2] > 0 and ys[0] < HEIGHT


def test_a_band_goes_out_on_top_and_back_below():
    band = drawn(Mark([0, 1], [4.0, 5.0], "#111111", "band", low=[1.0, 2.0]), y_range=(0.0, 10.0))
    points = [tuple(map(float, p.split(","))) for p in band.find(f".//{SVG}polygon").get("points").split()]
    assert [y for _, y in points] == pytest.approx([HEIGHT * (1 - v / 10) for v in (4, 5, 2, 1)], abs=0.06)


def test_labels_are_in_the_legend_once_and_titles_are_escaped():
    line = Mark([0, 1], [0, 1], "#111111", "line", "ratio 1")
    texts = [text.text for text in drawn(line, line).iter(f"{SVG}text")]
    assert texts.count("ratio 1") == 1
    assert "a < b" in texts
