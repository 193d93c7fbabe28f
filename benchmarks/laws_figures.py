"""Pictures of laws for `docs/evidence/laws.md`, as small SVG files.

    python -m benchmarks.laws_figures --tables DIR --grids DIR --output docs/evidence [--show NAME]

`--tables` holds released tables, `--grids` tables of real continual pre-training curves.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks import laws_figures_grid, laws_figures_published
from benchmarks.laws_held_out import read_tables
from sweeper.pipeline.plain import write_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pictures that the given folders allow, and says where."""
    options = _parser().parse_args(arguments)
    pictures: dict[str, str] = {}
    if options.tables:
        pictures |= {name: draw(options.tables) for name, draw in laws_figures_published.PICTURES.items()}
    if options.grids:
        for table_name, table in read_tables(options.grids).items():
            if not options.show or table_name in options.show:
                pictures |= {f"{name}-{table_name}": draw(table) for name, draw in laws_figures_grid.PICTURES.items()}
    for name, picture in pictures.items():
        write_text(options.output / f"{name}.svg", picture)
        print(f"{name}.svg: {len(picture):,} bytes")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laws_figures", description=__doc__)
    parser.add_argument("--tables", type=Path, help="folder of released tables")
    parser.add_argument("--grids", type=Path, help="folder of tables of real curves (docs/measurements.md)")
    parser.add_argument("--show", nargs="+", metavar="NAME", help="of the grids only these, by file name")
    parser.add_argument("--output", type=Path, required=True, help="folder for the pictures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
