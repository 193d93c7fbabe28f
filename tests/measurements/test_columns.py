import subprocess
import sys
from pathlib import Path

from sweeper.measurements import COLUMNS, DOCUMENT_COLUMNS, columns_for
from sweeper.measurements.columns import markdown

PAGE = Path(__file__).parents[2] / "docs" / "measurements.md"


def test_the_documentation_shows_every_column_as_it_is():
    text = PAGE.read_text(encoding="utf-8")
    assert markdown(COLUMNS) in text
    assert markdown(DOCUMENT_COLUMNS) in text


def test_ratio_columns_are_written_out_in_the_order_of_the_corpora():
    names = [c.name for c in columns_for(["web", "code"])]
    assert names[names.index("domain_ratio") + 1 :][:2] == ["ratio.web", "ratio.code"]
    assert "ratio.NAME" not in names


def test_column_names_are_unique():
    names = [c.name for c in columns_for(["a"])]
    assert len(names) == len(set(names))


def test_importing_the_room_loads_no_heavy_library():
    code = "import sys, sweeper.measurements; print([m for m in ('pyarrow', 'pandas', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
