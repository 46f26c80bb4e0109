"""The pictures of how training and inference grow."""

import csv
import importlib.util
from pathlib import Path

import pytest

_TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'plot_benchmarks.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('plot_benchmarks', _TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_tables(tool, folder):
    panels = [panel for panels in tool.PICTURES.values() for panel in panels]
    for table in {panel.table for panel in panels}:
        own = [panel for panel in panels if panel.table == table]
        ratios = {f'times_library_{name}': 2 for name in ('median', 'min', 'max', 'rounds')}
        rows = [
            {panel.kind[0]: panel.kind[1], panel.column: size, panel.seconds: size, 'way': way}
            | {'device': 'cpu', 'clock': 'none', **ratios}
            for panel in own
            for way in ('library', 'plain')
            for size in (1, 8)
        ]
        names = dict.fromkeys(name for row in rows for name in row)
        with (folder / f'{table}.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)


def test_every_picture_is_drawn_small(tool, tmp_path):
    write_tables(tool, tmp_path)

    tool.main(['--results', str(tmp_path), '--out', str(tmp_path / 'images')])

    pictures = sorted((tmp_path / 'images').iterdir())
    assert [path.stem for path in pictures] == sorted(tool.PICTURES)
    assert all(1000 < path.stat().st_size < 200_000 for path in pictures)


def test_a_missing_table_is_named(tool, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'clips_pixels\.csv is not there'):
        tool.main(['--results', str(tmp_path), '--out', str(tmp_path)])


def test_a_table_without_the_wanted_rows_is_named(tool, tmp_path):
    path = tmp_path / 'table.csv'
    path.write_text('source,way\npixels,library\n')

    with pytest.raises(ValueError, match='no row with source = store'):
        tool.read(path, 'source', 'store')
