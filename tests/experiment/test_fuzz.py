"""Whatever an experiment file says, it is accepted, or refused in words that name the field.

5,000 files, the same each time; `FUZZ=20000 python -m pytest tests/experiment/test_fuzz.py` tries others, and more.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sweeper.__main__ import main
from sweeper.experiment import Experiment, ExperimentError, load_experiment, parse_experiment, warnings
from sweeper.search.proposal import middle, point, propose
from tests.experiment.full_space import full_space
from tests.experiment.mutations import misspelt, mutated
from tests.pipeline.made_up import factory

pytestmark = pytest.mark.timeout(900)  # 20 s where the machine has nothing else to do
FILES = int(os.environ.get("FUZZ", "5000"))
QUICKSTART = (Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml").read_text(encoding="utf-8")
FULL = yaml.safe_dump(full_space(), sort_keys=False)
DATA = st.sampled_from([yaml.safe_load(QUICKSTART), full_space()])
LINE = re.compile(r"(?P<field>.*?)(?P<line> \(line \d+\))?: \S")

fuzz = settings(
    max_examples=FILES * 3 // 4,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize="FUZZ" not in os.environ,
)
fuzz_text = settings(fuzz, max_examples=FILES // 4)


def problems(error: ExperimentError, source: str) -> list[str]:
    """The message's lines, without the file's name."""
    first, *more = str(error).split("\n")
    assert first.startswith(f"{source}"), first
    return [line.strip() for line in more] if more else [first.removeprefix(f"{source}: ")]


def names_a_field(line: str, data: object) -> bool:
    """Whether a line begins with a field that the file may have or has."""
    found = LINE.match(line)
    if found is None:
        return False
    first = re.split(r"[.\[]", found["field"])[0].strip("'")
    return first in Experiment.model_fields or (isinstance(data, dict) and any(str(k).startswith(first) for k in data))


def use(experiment: Experiment) -> None:
    """What a plan and a search do with an experiment first: nothing of it may fail for what the file says."""
    import optuna

    warnings(experiment)
    parameters, made = experiment.search.space.parameters(experiment.target), factory(experiment)
    starts = [middle(parameters, method) for method in experiment.search.space.methods]
    for start in (*(point(parameters, each) for each in experiment.search.enqueue[:3]), *starts):
        made.proposed(propose(optuna.trial.FixedTrial({**starts[0], **start}), parameters))
    made.law(made.target_model, "full", 1e-3, None, experiment.law.domain_ratio[0])
    made.confirm("full", 1e-3, None, experiment.law.domain_ratio[-1])


@fuzz
@given(DATA.flatmap(mutated))
def test_changed_data_is_accepted_or_refused_by_field(data: Any) -> None:
    try:
        experiment = parse_experiment(data, source="x.yaml", folder="/nowhere")
    except ExperimentError as error:
        for line in problems(error, "x.yaml"):
            assert names_a_field(line, data), line
    else:
        use(experiment)


@fuzz_text
@given(st.sampled_from([QUICKSTART, FULL]).flatmap(misspelt))
def test_changed_text_is_accepted_or_refused_with_its_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        use(load_experiment(file))
    except ExperimentError as error:
        for line in problems(error, str(file)):
            said = "not YAML" in line or "cannot be read" in line or "must be a mapping" in line
            assert said or names_a_field(line, None) or re.match(r".* \(line \d+\): \S", line), line


def refused(file: Path) -> bool:
    """Whether a file says no experiment; planning the others would prepare text."""
    try:
        load_experiment(file)
    except ExperimentError:
        return True
    return False


@settings(fuzz, max_examples=FILES // 100)
@given(st.sampled_from([QUICKSTART, FULL]).flatmap(misspelt))
def test_the_command_line_refuses_with_2_and_writes_nothing(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    folder = tmp_path_factory.mktemp("place")
    file = folder / "e.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    assume(refused(file))
    assert main(["plan", str(file), "--output", str(folder / "out")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {file}") and "Traceback" not in said.err
    assert [path.name for path in folder.iterdir()] == ["e.yaml"]
