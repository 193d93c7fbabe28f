import math

import pyarrow as pa
import pytest
from pyarrow import parquet

from sweeper.measurements import (
    DOCUMENTS_FILE,
    MeasurementError,
    build_document_table,
    build_table,
    read_table,
    to_columns,
    write_document_losses,
    write_measurements,
)
from tests.trial_records import base_record, measurement, record, spec

MINIMAL = "trial,corpus,corpus_role,params,tokens,domain_ratio,loss\n"


@pytest.fixture
def table():
    records = [base_record(), record(spec(method="lora"), [measurement(1024, 3.1, 3.5)])]
    return build_table(records, target="code", corpus_roles={"general": "general", "code": "domain"})


def same(a, b):
    return repr(a.to_pydict()) == repr(b.to_pydict())


@pytest.mark.parametrize("name", ["", "measurements.parquet", "measurements.csv"])
def test_what_was_written_is_read_again(tmp_path, table, name):
    write_measurements(tmp_path, table)
    again = read_table(tmp_path / name)
    assert same(again, table)
    assert again.schema == table.schema


def test_writing_replaces_whole_files_and_leaves_no_others(tmp_path, table):
    write_measurements(tmp_path, table)
    write_measurements(tmp_path, table.slice(0, 1))
    write_document_losses(tmp_path, build_document_table([base_record()]))
    assert read_table(tmp_path).num_rows == 1
    assert read_table(tmp_path / "measurements.csv").num_rows == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "document_losses.parquet",
        "measurements.csv",
        "measurements.parquet",
    ]


def test_a_failed_write_keeps_the_old_file(tmp_path, table, monkeypatch):
    write_measurements(tmp_path, table)

    def fail(table, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(parquet, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        write_measurements(tmp_path, table.slice(0, 1))
    assert read_table(tmp_path).num_rows == table.num_rows
    assert len(list(tmp_path.iterdir())) == 2


def test_documents_are_written_beside(tmp_path):
    write_document_losses(tmp_path, build_document_table([base_record()]))
    assert parquet.ParquetFile(tmp_path / DOCUMENTS_FILE).read().num_rows == 4


def test_a_table_from_elsewhere_gets_defaults(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(MINIMAL + "a,web,general,1e6,2000,0.25,3.5\n")
    row = read_table(file).to_pylist()[0]
    assert (row["params"], row["tokens"], row["domain_ratio"], row["loss"]) == (1_000_000, 2000, 0.25, 3.5)
    assert (row["role"], row["split"], row["method"], row["state"]) == ("law", "valid", "full", "completed")
    assert math.isnan(row["base_loss"])
    assert row["lora_r"] is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,web,general,10,20,0.5,high", r"row 2: loss is 'high', which is not a number \(nats/token\)"),
        ("a,web,general,10,20.5,0.5,3", "row 2: tokens is '20.5', which is not a whole number"),
        ("a,web,general,10,,0.5,3", "row 2: tokens is empty; a number is needed"),
        ("a,web,general,10,20,50,3", "row 2: domain_ratio is '50'; a share is between 0 and 1"),
        ("a,web,general,10,20,0.5", "row 2 has 6 values where the header names 7 columns"),
    ],
)
def test_a_bad_value_is_named_with_its_row(tmp_path, line, message):
    file = tmp_path / "mine.csv"
    file.write_text(MINIMAL + "a,web,general,10,20,0.5,3\n" + line + "\n")
    with pytest.raises(MeasurementError, match=message):
        read_table(file)


def test_missing_columns_are_all_named(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("trial,corpus,loss\na,web,2\n")
    with pytest.raises(
        MeasurementError, match=r"lacks the required columns tokens, domain_ratio \(or ratio\.NAME\); it has trial, c"
    ):
        read_table(file)


def test_a_misspelt_column_is_not_dropped_in_silence(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(MINIMAL.replace("\n", ",learnig_rate\n") + "a,web,general,10,20,0.5,3,1e-3\n")
    with pytest.raises(MeasurementError, match="'learnig_rate'; did you mean 'learning_rate'"):
        read_table(file)


def test_columns_that_are_not_ours_are_left_out(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(MINIMAL.replace("\n", ",note\n") + "a,web,general,10,20,0.5,3,hello\n")
    assert "note" not in read_table(file).column_names


def test_repeated_columns_are_refused(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(MINIMAL.replace("\n", ",loss\n") + "a,web,general,10,20,0.5,3,4\n")
    with pytest.raises(MeasurementError, match="column loss more than once"):
        read_table(file)


def test_parquet_from_elsewhere_is_checked_too(tmp_path):
    parquet.write_table(pa.table({"trial": ["a"], "corpus": ["web"]}), tmp_path / "mine.parquet")
    with pytest.raises(MeasurementError, match="lacks the required columns"):
        read_table(tmp_path / "mine.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(MeasurementError, match="not a parquet file"):
        read_table(tmp_path / "text.parquet")


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MeasurementError, match=r"nowhere/measurements\.csv does not exist"):
        read_table(tmp_path / "nowhere" / "measurements.csv")


def test_plain_columns_leave_out_what_has_no_value(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("corpus,tokens,ratio.web,loss,seed\nweb,20,0.5,3,\nweb,30,0.5,3,4\n")
    columns = to_columns(read_table(file))
    assert "trial" not in columns
    assert "params" not in columns
    assert columns["ratio.web"] == [0.5, 0.5]
    assert math.isnan(columns["seed"][0])
    assert columns["seed"][1] == 4
