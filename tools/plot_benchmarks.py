r"""Draw how training steps and inference grow, from the tables in ``benchmarks/results``.

    python tools/plot_benchmarks.py

The tables are made by

    python benchmarks/training_step.py --sources store --clips 2 4 8 16 \
        --out .../training_step_clips_store.csv
    python benchmarks/training_step.py --sources pixels --clips 2 4 8 16 --kept 4 --candidates 4 \
        --out .../training_step_clips_pixels.csv
    python benchmarks/training_step.py --kept 4 8 16 --out .../training_step_frames.csv
    python benchmarks/whole_video.py --minutes 0.5 1 2 5 --queries 64 \
        --out .../whole_video_minutes.csv
    python benchmarks/whole_video.py --queries 1 8 64 512 --out .../whole_video_queries.csv
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

ROOT = Path(__file__).resolve().parents[1]
COLOURS = {'library': '#0b6e99', 'plain': '#c2571a'}
NAMES = {'library': 'library', 'plain': 'PyTorch by hand'}
Row = dict[str, str]


class Panel(NamedTuple):
    """One pair of axes.

    Args:
        table: Name of the CSV.
        column: What grows.
        label: Its name and unit.
        seconds: Column of the seconds.
        kind: Column and value that choose rows.
        title: Above the axes.
    """

    table: str
    column: str
    label: str
    seconds: str
    kind: tuple[str, str]
    title: str


PICTURES = {
    'training_scaling': [
        Panel('training_step_clips_pixels', 'clips', 'clips in a batch', 'step_sec',
              ('source', 'pixels'), 'step from pixels, 4 of 4 frames kept'),
        Panel('training_step_frames', 'kept', 'frames kept of a clip', 'step_sec',
              ('source', 'pixels'), 'step from pixels, 4 clips'),
        Panel('training_step_clips_store', 'clips', 'clips in a batch', 'step_sec',
              ('source', 'store'), 'step from the store, 8 of 80 frames kept'),
        Panel('training_step_frames', 'kept', 'frames kept of a clip', 'step_sec',
              ('source', 'store'), 'step from the store, 4 clips'),
    ],
    'inference_scaling': [
        Panel('whole_video_minutes', 'minutes', 'minutes of video', 'seconds',
              ('measured', 'extraction'), 'extraction'),
        Panel('whole_video_minutes', 'minutes', 'minutes of video', 'seconds',
              ('queries', '64'), 'inference, 64 queries'),
        Panel('whole_video_queries', 'queries', 'queries', 'seconds',
              ('measured', 'inference'), 'inference, a minute of video'),
    ],
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--results', type=Path, default=ROOT / 'benchmarks' / 'results')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs' / 'images')
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, panels in PICTURES.items():
        path = arguments.out / f'{name}.png'
        draw(panels, arguments.results, path)
        print(f'wrote {path}')


def draw(panels: Sequence[Panel], results: Path, path: Path) -> None:
    """Draw panels two in a row, or all in one row if they are three."""
    columns = 3 if len(panels) == 3 else 2
    lines = -(-len(panels) // columns)
    figure, axes = pyplot.subplots(
        lines, columns, figsize=(3.9 * columns, 3.3 * lines), layout='constrained', squeeze=False
    )
    every = []
    for panel, place in zip(panels, axes.flat, strict=True):
        rows = read(results / f'{panel.table}.csv', *panel.kind)
        draw_panel(panel, rows, place)
        every += rows
    axes[0, 0].legend(frameon=False, loc='upper left')
    rounds = ' or '.join(sorted({row['times_library_rounds'] for row in every}))
    figure.supxlabel(
        f'{every[0]["device"]}; {every[0]["clock"]}; medians of {rounds} rounds; '
        'numbers: by hand / library, min-max',
        fontsize=8,
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def read(path: Path, column: str, value: str) -> list[Row]:
    """Return the rows of a table in which a column has a value.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If it has no such row.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} is not there; {Path(__file__).name} says what makes it')
    with path.open(newline='') as file:
        rows = [row for row in csv.DictReader(file) if row[column] == value]
    if not rows:
        raise ValueError(f'{path} has no row with {column} = {value}; make the table again')
    return rows


def draw_panel(panel: Panel, rows: Sequence[Row], axes: Axes) -> None:
    """Draw a line per way, both axes logarithmic, with the ratios beside the rival's points."""
    for way, colour in COLOURS.items():
        own = [row for row in rows if row['way'] == way]
        sizes = [float(row[panel.column]) for row in own]
        times = [float(row[panel.seconds]) for row in own]
        axes.plot(sizes, times, marker='o', markersize=4, color=colour, label=NAMES[way])
        if way == 'library':
            continue
        for size, time, row in zip(sizes, times, own, strict=True):
            axes.annotate(
                ratio(row), (size, time), xytext=(-2, 7), textcoords='offset points',
                ha='right' if size > sizes[0] else 'center',
                fontsize=7, color=colour,
            )  # fmt: skip
    axes.set(xscale='log', yscale='log', xlabel=panel.label, ylabel='seconds', title=panel.title)
    axes.set_xticks(sizes, [f'{size:g}' for size in sizes])
    axes.margins(x=0.18, y=0.25)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    wide = high > 10 * low
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: f'{value:g}')
    axes.grid(alpha=0.3)
    axes.title.set_fontsize(10)


def ratio(row: Row) -> str:
    """Return the ratio to the library with its extremes."""
    median, low, high = (float(row[f'times_library_{name}']) for name in ('median', 'min', 'max'))
    return f'{median:.2g}x\n({low:.2g}-{high:.2g})'


if __name__ == '__main__':
    main()
