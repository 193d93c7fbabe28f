"""What `fit` says to a person: how good each law is, and what the table lacks."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeper.laws import LawSet

_SHOWN = 3
_EXTREMES = "_extremes"


def print_laws(laws: "LawSet") -> None:
    """On a terminal a table, else lines: every corpus with its laws' held-out errors; then notes, once each."""
    from sweeper.laws import warnings_of

    if sys.stdout.isatty():
        _print_table(laws)
    else:
        _print_lines(laws)
    for name, law in laws.corpora.items():
        print(f"{name}: {law.choice.why}")
    for line in note_lines({name: warnings_of(law) for name, law in laws.corpora.items()}, laws.notes):
        print(f"note: {line}")


def _print_table(laws: "LawSet") -> None:
    from rich.console import Console
    from rich.table import Table

    from sweeper.laws import held_out_nats

    fits = [held_out_nats(fitted) for law in laws.corpora.values() for fitted in law.candidates.values()]
    kinds = list(dict.fromkeys(kind for each in fits for kind, error in each.items() if error is not None))
    table = Table("corpus", "law", "rows", "runs", "R²", "RMSE", *(kind.replace("_", " ") for kind in kinds))
    for name, law in laws.corpora.items():
        for candidate, fitted in sorted(law.candidates.items(), key=lambda each: each[0] != law.law):
            used, errors = candidate == law.law, [held_out_nats(fitted).get(kind) for kind in kinds]
            table.add_row(
                name if used else "",
                f"{candidate} (used)" if used else candidate,
                str(law.rows) if used else "",
                str(law.runs) if used else "",
                f"{fitted.quality.r2:.4f}",
                f"{fitted.quality.rmse:.4f}",
                *("" if error is None else f"{error:.4f}" for error in errors),
                style=None if used else "dim",
            )
    console = Console()
    console.print(table)
    console.print("Errors in nats a token: RMSE on the rows fitted, the others on rows left out.", highlight=False)


def _print_lines(laws: "LawSet") -> None:
    from sweeper.laws import held_out_nats

    for name, law in laws.corpora.items():
        print(f"{name}: {law.law} of {law.rows} rows in {law.runs} runs; R² {law.r2:.4f}, RMSE {law.rmse:.4f} nats")
        for candidate, fitted in law.candidates.items():
            used = " (used)" if candidate == law.law else ""
            print(f"  {candidate}{used}: held-out errors in nats: {_errors(held_out_nats(fitted))}")


def note_lines(by_corpus: Mapping[str, Sequence[str]], common: Sequence[str]) -> list[str]:
    """Each note once; those of some corpora alone begin with their names."""
    concerned: dict[str, list[str]] = {}
    for name, notes in by_corpus.items():
        for note in notes:
            concerned.setdefault(note, []).append(name)
    lines = [note if len(names) == len(by_corpus) else f"{_few(names)}: {note}" for note, names in concerned.items()]
    return list(dict.fromkeys([*lines, *common]))


def _errors(held_out: Mapping[str, float | None]) -> str:
    """Each error with that of the extremes in brackets."""
    known = {name: value for name, value in held_out.items() if value is not None}
    parts = []
    for name, value in known.items():
        extremes = known.get(f"{name}{_EXTREMES}")
        if not name.endswith(_EXTREMES):
            aside = "" if extremes is None else f" (extremes {extremes:.4f})"
            parts.append(f"{name.replace('_', ' ')} {value:.4f}{aside}")
    return ", ".join(parts) or "nothing could be left out"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
