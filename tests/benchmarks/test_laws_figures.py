"""Pictures of published laws, from tables of the released form."""

from xml.etree import ElementTree

import numpy as np

from benchmarks import laws_figures
from benchmarks.laws_figures_grid import shown_corpora
from benchmarks.laws_figures_published import PICTURES, banded, cmr_ratios, dcpt_use_1
from benchmarks.laws_published import CMR_TABLE_5
from sweeper.laws import table_from_columns
from sweeper.laws.forms.cmr_ratio import CmrRatio
from sweeper.laws.tables.points import Points

SVG = "{http://www.w3.org/2000/svg}"


def shares(values):
    ones = np.ones(len(values))
    return Points(ones, ones, np.asarray(values), ones, 0 * ones, np.nan * ones)


def test_a_band_holds_the_law_and_widens_with_the_spread_of_runs():
    at = np.array([1.0, 0.75, 0.5, 1 / 3, 0.25])
    exact = 2.0 - 0.5 * at**0.18

    def width(loss):
        fitted = banded(CmrRatio, shares(at), loss)
        band, line = fitted.marks(at, shares(at), "#111111", "law")
        assert np.all((np.asarray(band.low) <= line.y) & (line.y <= np.asarray(band.y)))
        return float(np.mean(np.asarray(band.y) - np.asarray(band.low)))

    assert width(exact) < 1e-4
    assert width(exact + 0.01 * np.array([1, -1, 1, -1, 1])) > 0.01


def test_pictures_are_svg_with_every_measured_point(tmp_path):
    folder = tmp_path / "published_tables"
    folder.mkdir()
    lines = [f"{m},{r},{2 - 0.5 * r**0.18:.5f}" for m in CMR_TABLE_5 for r in (1.0, 0.75, 0.5, 0.3333, 0.25)]
    head = "model,domain_ratio,domain_loss_measured\n"
    (folder / "cmr_table2_domain_loss_vs_ratio.csv").write_text(head + "\n".join(lines))
    uses = [f"{r},{3 - 0.4 * (1 - r) ** 0.5:.5f},{2 - 0.5 * r**0.18:.5f}" for r in (0.9, 0.92, 0.94, 0.96, 0.98, 1.0)]
    head = "domain_ratio,general_loss,domain_loss\n"
    (folder / "dcpt_table5_usage1_chemistry_1p8B.csv").write_text(head + "\n".join(uses))
    assert len(ElementTree.fromstring(cmr_ratios(tmp_path)).findall(f".//{SVG}circle")) == 2 * len(lines)
    assert len(ElementTree.fromstring(dcpt_use_1(tmp_path)).findall(f".//{SVG}circle")) == 2 * len(uses)


def test_grids_show_the_first_general_corpus_and_the_target():
    table = table_from_columns(
        {
            "corpus": ["law", "wiki", "books"] * 4,
            "corpus_role": ["domain", "general", "general"] * 4,
            "domain_ratio": [0.0] * 6 + [0.5] * 6,
            "tokens": ([10_000] * 3 + [20_000] * 3) * 2,
            "loss": np.linspace(2, 4, 12),
        }
    )
    assert shown_corpora(table) == ("wiki", "law")


def test_each_picture_is_written_under_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(laws_figures.laws_figures_published, "PICTURES", {"one": lambda tables: "<svg/>"})
    monkeypatch.setattr(laws_figures.laws_figures_grid, "PICTURES", {"two": lambda table: f"<svg>{table}</svg>"})
    monkeypatch.setattr(laws_figures, "read_tables", lambda folder: {"a": "A", "b": "B"})
    folders = ["--tables", str(tmp_path), "--grids", str(tmp_path)]
    assert laws_figures.main([*folders, "--show", "b", "--output", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.svg", "two-b.svg"]
    assert (tmp_path / "two-b.svg").read_text() == "<svg>B</svg>"
    assert set(PICTURES) == {"laws-data-constrained", "laws-over-training", "laws-cmr", "laws-dcpt-use-1"}
