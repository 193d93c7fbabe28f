import subprocess
import sys

SCRIPT = """
import sys
from sweeper.tracking import open_tracker
tracker = open_tracker("auto", sys.argv[1], experiment="demo", target="code")
assert "mlflow" not in sys.modules
tracker.start({})
tracker.finish(timeout_seconds=120)
"""


def test_a_new_store_says_nothing_and_mlflow_is_imported_only_when_it_is_needed(tmp_path):
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "mlflow.db").is_file()
