"""One self-contained HTML page: the answer first, then what it rests on."""

from sweeper.report.data import Cell, Curve, Fact, Limit, Mark, Panel, ReportData, SearchPoint, Table
from sweeper.report.page import render_report, write_report
from sweeper.report.panels import Predict, ratio_panels, token_panels
from sweeper.report.trials import search_points, trials_table

__all__ = [
    "Cell",
    "Curve",
    "Fact",
    "Limit",
    "Mark",
    "Panel",
    "Predict",
    "ReportData",
    "SearchPoint",
    "Table",
    "ratio_panels",
    "render_report",
    "search_points",
    "token_panels",
    "trials_table",
    "write_report",
]
