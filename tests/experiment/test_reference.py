from pathlib import Path

from sweeper.experiment.model import Experiment
from sweeper.experiment.reference import reference
from sweeper.experiment.schema import as_section, below, tagged
from sweeper.experiment.section import Section

PAGE = Path(__file__).parents[2] / "docs" / "experiment.md"


def sections(root: type[Section]) -> set[type[Section]]:
    found = {root}
    for field in root.model_fields.values():
        options = [form for _, form in tagged(field.annotation)]
        inner = as_section(field.annotation) or as_section(below(field.annotation, ""))
        for section in [*options, *([inner] if inner else [])]:
            found |= sections(section)
    return found


def test_committed_page_is_up_to_date() -> None:
    said = "run `python -m sweeper.experiment.reference > docs/experiment.md`"
    assert PAGE.read_text(encoding="utf-8") == reference(), said


def test_every_field_is_explained_and_stands_on_the_page() -> None:
    page = reference()
    found = sections(Experiment)
    assert len(found) > 15
    for section in found:
        for name, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{name} has no docstring"
            assert " ".join(field.description.split()).replace("|", "\\|") in page, f"{section.__name__}.{name}"


def test_rows_have_unit_default_and_allowed_values() -> None:
    page = reference().splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in page if "|" in line]
    rows = {row[1]: row[2:5] for row in reversed(cells)}  # the first of a name: `trainer` stands before the space
    assert rows["`lr_scheduler_type`"] == ["–", "`constant`", "`constant`, `wsd`, `cosine`, `linear`"]
    assert rows["`replicates`"] == ["trials", "`1`", "≥ 0 and ≤ 1000"]
    assert rows["`target`"][1] == "**required**"
    assert rows["`lanes`"] == ["–", "`auto`", "auto, or ≥ 1"]
    assert rows["`max_bytes`"][0] == "bytes"
