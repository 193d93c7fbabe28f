"""The table of measurements: its columns, building it from trials, reading and writing it, paired comparisons."""

from sweeper.measurements.build import BaseLosses, build_table, measured_base_losses
from sweeper.measurements.columns import COLUMNS, RATIO_PREFIX, Column, columns_for
from sweeper.measurements.documents import DOCUMENT_COLUMNS, build_document_table
from sweeper.measurements.errors import MeasurementError
from sweeper.measurements.files import (
    DOCUMENTS_FILE,
    read_table,
    to_columns,
    write_document_losses,
    write_measurements,
)
from sweeper.measurements.paired import PairedDifference, paired_difference, paired_difference_over_seeds
from sweeper.measurements.reading import MEASUREMENTS_FILE, FileColumns, read_columns
from sweeper.measurements.statistics import bits_per_byte, perplexity, ratio_stderr

__all__ = [
    "COLUMNS",
    "DOCUMENTS_FILE",
    "DOCUMENT_COLUMNS",
    "MEASUREMENTS_FILE",
    "RATIO_PREFIX",
    "BaseLosses",
    "Column",
    "FileColumns",
    "MeasurementError",
    "PairedDifference",
    "bits_per_byte",
    "build_document_table",
    "build_table",
    "columns_for",
    "measured_base_losses",
    "paired_difference",
    "paired_difference_over_seeds",
    "perplexity",
    "ratio_stderr",
    "read_columns",
    "read_table",
    "to_columns",
    "write_document_losses",
    "write_measurements",
]
