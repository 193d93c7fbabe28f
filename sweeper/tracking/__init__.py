"""MLflow: one writer on a thread of its own, a spool for bad days, and a tracker that tracks nothing."""

from sweeper.tracking.factory import open_tracker, store_uri
from sweeper.tracking.interface import NullTracker, Tracker
from sweeper.tracking.tracker import SPOOL_FILE, MlflowTracker

__all__ = ["SPOOL_FILE", "MlflowTracker", "NullTracker", "Tracker", "open_tracker", "store_uri"]
