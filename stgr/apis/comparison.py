"""One table out of many runs: mean and spread over seeds, differences paired by seed and video."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from stgr.apis.experiment import Experiment, run_experiment
from stgr.apis.progress import bar
from stgr.apis.tables import format_table
from stgr.io.atomic import write_atomically

COLUMNS = {
    'labels/label_acc': 'frame label',
    'pointing/pointing_acc': 'pointing',
    'iou_point/iou_point_video_class': 'IoU+Point',
    'video_map/mAP@0.1:0.5': 'mAP 0.1:0.5',
}
GROUP_COLUMNS = {'label_acc_best': 'what', 'pointing_acc': 'where'}
MODEL_FREE = ('chance', 'centre', 'oracle')
PAIRED = 'iou_point/iou_point_video_class'
Scores = Mapping[str, float]


def compare(
    rows: Sequence[Experiment],
    work_dir: str | Path,
    *,
    seeds: Iterable[int],
    overrides: Iterable[str] = (),
) -> str:
    """Run every row with every seed and return the table in Markdown.

    ``table.md`` and ``table.csv`` are written to ``work_dir``. The last column is the difference
    of IoU+Point to the first row: paired by seed and video, with the 95 % interval of a bootstrap
    over videos. A second table follows where the config names groups of classes: the best label
    before the background threshold and the point, over the frames of each group, beside the
    ceiling of a model that looks at single frames.

    Args:
        rows: What to compare; the first is the reference.
        work_dir: Folder of the runs.
        seeds: Seeds of each row; a row without training has one run per seed too.
        overrides: Changes of the config for all rows.

    Raises:
        ValueError: If there is no seed, or two rows have one name, which is their folder too;
            before anything is run. Also as :func:`run_experiment`.
    """
    work_dir, seeds, overrides = Path(work_dir), list(seeds), list(overrides)
    if not seeds:
        raise ValueError('a comparison needs at least 1 seed, but got none')
    _check_names(rows)
    jobs = [(row, seed) for row in rows for seed in seeds]
    scores: dict[str, list[Scores]] = {row.name: [] for row in rows}
    for row, seed in bar('runs')(jobs, len(jobs)):
        scores[row.name].append(run_experiment(row, work_dir, seed=seed, overrides=overrides))
    table = [_cells(scores[row.name]) for row in rows]
    reference = _per_video(work_dir, rows[0].name, seeds)
    differences = [''] + [
        _difference(_per_video(work_dir, row.name, seeds), reference) for row in rows[1:]
    ]
    names = [row.name for row in rows]
    for control in MODEL_FREE:
        names.append(f'{control} (no model)' if control != 'centre' else 'labels of row 1, centre')
        table.append(_cells([_of_control(one, control) for one in scores[rows[0].name]]))
        differences.append('')
    heads = ['', *COLUMNS.values(), 'IoU+Point against row 1']
    cells = [[*row, difference] for row, difference in zip(table, differences, strict=True)]
    lines = [[name, *row] for name, row in zip(names, cells, strict=True)]
    markdown = format_table(heads, lines) + _group_table(scores)
    markdown += f'\nPer cent, mean ± standard deviation over {len(seeds)} seeds.\n'
    write_atomically(work_dir / 'table.md', markdown.encode())
    write_atomically(work_dir / 'table.csv', _csv(scores))
    return markdown


def _check_names(rows: Sequence[Experiment]) -> None:
    configs: dict[str, str] = {}
    for row in rows:
        if row.name in configs:
            raise ValueError(
                f'two rows are called {row.name!r} ({configs[row.name]} and {row.config}), but the '
                'name is the folder of a row; give one of the files another name'
            )
        configs[row.name] = row.config


def _cells(runs: Sequence[Scores]) -> list[str]:
    return [_mean_and_spread(runs, f'grounding/{key}') for key in COLUMNS]


def _mean_and_spread(runs: Sequence[Scores], key: str) -> str:
    """Return mean and standard deviation over seeds in per cent."""
    values = 100 * np.array([run.get(key, np.nan) for run in runs])
    return f'{values.mean():.1f} ± {values.std(ddof=1) if len(values) > 1 else 0:.1f}'


def _group_table(scores: Mapping[str, Sequence[Scores]]) -> str:
    """Return the table of the groups of classes, empty if there are none."""
    start, end = 'grounding/groups/', '/frame_ceiling'
    first = next(iter(scores.values()))
    groups = [key[len(start) : -len(end)] for key in first[0] if key.endswith(end)]
    if not groups:
        return ''
    columns = [(group, key) for key in GROUP_COLUMNS for group in groups]
    heads = ['', *(f'{GROUP_COLUMNS[key]}: {group}' for group, key in columns)]
    table = [
        [_mean_and_spread(runs, f'{start}{group}/{key}') for group, key in columns]
        for runs in scores.values()
    ]
    ceiling = [_mean_and_spread(first[:1], f'{start}{group}{end}') for group in groups]
    table.append([cell.split()[0] for cell in ceiling] + [''] * len(groups))
    names = [*scores, 'ceiling of single frames']
    rows = [[name, *cells] for name, cells in zip(names, table, strict=True)]
    return '\n' + format_table(heads, rows)


def _of_control(run: Scores, control: str) -> Scores:
    prefix = f'grounding/{control}/'
    return {
        f'grounding/{k.removeprefix(prefix)}': v for k, v in run.items() if k.startswith(prefix)
    }


def _per_video(work_dir: Path, name: str, seeds: Sequence[int]) -> np.ndarray:
    """Return IoU+Point of each seed and video, (seeds, videos)."""
    values = []
    for seed in seeds:
        content = json.loads((work_dir / name / f'seed_{seed}' / 'per_video.json').read_text())
        videos = content['videos']['system']
        values.append([videos[video][PAIRED] for video in sorted(videos)])
    return np.array(values, dtype=np.float64)


def _difference(row: np.ndarray, reference: np.ndarray) -> str:
    from stgr.evaluation.functional import paired_bootstrap

    interval = paired_bootstrap(row.mean(axis=0), reference.mean(axis=0), seed=0)
    low, high = 100 * interval.low, 100 * interval.high
    return f'{100 * interval.estimate:+.1f} [{low:+.1f}, {high:+.1f}]'


def _csv(scores: Mapping[str, Sequence[Scores]]) -> bytes:
    rows = [
        [name, str(i), key, str(value)]
        for name, runs in scores.items()
        for i, run in enumerate(runs)
        for key, value in sorted(run.items())
    ]
    return format_table(['row', 'run', 'key', 'value'], rows, 'csv').encode()
