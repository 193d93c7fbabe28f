import pytest
from pyarrow import parquet, table

from sweeper.measurements import MeasurementError, read_columns


def test_cells_are_read_without_blanks_and_know_their_lines(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('\ufeffcorpus, loss,\n\nweb, 3.0,\n,,\n"two\nlines",2.0,\nlaw,1.0,\n', encoding="utf-8")
    found = read_columns(file)
    assert found.columns == {"corpus": ["web", "two\nlines", "law"], "loss": ["3.0", "2.0", "1.0"]}
    assert found.lines == [3, 5, 7]


def test_parquet_keeps_its_types_and_has_no_lines(tmp_path):
    parquet.write_table(table({"corpus": ["web"], "loss": [3.0]}), tmp_path / "t.parquet")
    found = read_columns(tmp_path / "t.parquet")
    assert found.columns == {"corpus": ["web"], "loss": [3.0]}
    assert found.lines is None


@pytest.mark.parametrize(
    ("text", "word"), [("a;b\n1;2\n", "semicolons"), ("a\tb\n1\t2\n", "tabs"), ("a|b\n1|2\n", "bars")]
)
def test_other_delimiters_are_named(tmp_path, text, word):
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(MeasurementError, match=f"separates columns by {word}; save it with commas"):
        read_columns(file)


def test_an_empty_file_has_no_columns(tmp_path):
    (tmp_path / "t.csv").write_text("")
    assert read_columns(tmp_path / "t.csv").columns == {}
