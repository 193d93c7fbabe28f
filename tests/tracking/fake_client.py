"""A store in memory that can be told to fail."""

from sweeper.tracking.client import FoundRun


class FakeClient:
    def __init__(self):
        self.runs = {}
        self.experiments = {}
        self.failing = None
        self.calls = 0

    def experiment(self, name):
        self._call()
        return self.experiments.setdefault(name, str(len(self.experiments) + 1))

    def find_runs(self, experiment, tag, value):
        self._call()
        return [
            FoundRun(i, run["status"], dict(run["tags"]))
            for i, run in self.runs.items()
            if run["tags"].get(tag) == value
        ]

    def create_run(self, experiment, name, tags, start):
        self._call()
        run = f"run{len(self.runs)}"
        self.runs[run] = {
            "name": name,
            "tags": dict(tags),
            "status": "RUNNING",
            "metrics": [],
            "params": {},
            "files": {},
            "end": None,
        }
        return run

    def log(self, run, metrics, params, tags, step, at):
        self._call()
        self.runs[run]["metrics"] += [(key, step, value) for key, value in metrics.items()]
        self.runs[run]["params"] |= params
        self.runs[run]["tags"] |= tags

    def set_status(self, run, status, end=None):
        self._call()
        self.runs[run]["status"] = status
        self.runs[run]["end"] = end

    def last_step(self, run, metric):
        self._call()
        return max((step for key, step, _ in self.runs[run]["metrics"] if key == metric), default=-1)

    def log_text(self, run, text, file):
        self._call()
        self.runs[run]["files"][file] = text

    def log_file(self, run, path, folder):
        self._call()
        self.runs[run]["files"][path] = folder

    def child(self, trial):
        [run] = [r for r in self.runs.values() if r["tags"].get("sweeper.trial") == trial]
        return run

    @property
    def parent(self):
        [run] = [r for r in self.runs.values() if r["tags"].get("sweeper.role") == "experiment"]
        return run

    def _call(self):
        self.calls += 1
        if self.failing is not None:
            raise self.failing
