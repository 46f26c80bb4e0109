"""What every benchmark says beside its numbers, and where it keeps them."""

import csv
import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / 'results'
Row = dict[str, object]


def environment(*packages: str) -> Row:
    """Return what the numbers were measured with."""
    return {
        'python': platform.python_version(),
        **{name: installed_version(name) for name in packages},
        'machine': platform.machine(),
        'cores': os.cpu_count(),
        'load': round(os.getloadavg()[0], 1),
    }


def installed_version(package: str) -> str:
    """Return a package's version, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return 'not installed'


def summary(values: Sequence[float]) -> Row:
    """Return median, extremes and number of repeated values."""
    return {
        'median': f'{statistics.median(values):.4g}',
        'min': f'{min(values):.4g}',
        'max': f'{max(values):.4g}',
        'rounds': len(values),
    }


def record(path: Path, rows: Sequence[Row], settings: Row) -> None:
    """Print the rows and write them, with the settings in each, as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        table = csv.DictWriter(file, fieldnames=[*rows[0], *settings])
        table.writeheader()
        table.writerows(row | settings for row in rows)
    for row in rows:
        print(*row.values(), sep='  ')
    print(f'wrote {path}')
