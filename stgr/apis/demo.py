"""The main job from nothing to a result: generate, train, evaluate, ground."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stgr.apis.experiment import Experiment, control_rows, run_experiment
from stgr.apis.extract import extract_features
from stgr.apis.grounder import Grounder
from stgr.apis.progress import bar
from stgr.structures import Span

CONFIG = 'ours_tiny'
WORLD = Path('data/tiny_kitchen')  # where the config looks for it
N_VIDEOS = 200
SEED = 0
ABSENT_QUERY = 'fly a kite'
ROWS = (Experiment('trained', CONFIG), *control_rows(CONFIG))
COLUMNS = {
    'labels/label_acc': 'frame label',
    'pointing/pointing_acc': 'pointing',
    'iou_point/iou_point_video_class': 'IoU+Point',
}
Say = Callable[[str], None]


def run_demo(out_dir: Path, *, fresh: bool, say: Say) -> None:
    """Run what has not been run yet and say where the results lie.

    Args:
        out_dir: Folder of checkpoints and results.
        fresh: Throw the world and all results away first.
        say: Called with one line at a time.

    Raises:
        ValueError: If ``fresh`` would throw away a world that is not the demo's.
    """
    if fresh:
        _check_world_is_ours()
        for folder in (WORLD, out_dir / 'runs', out_dir / 'result'):
            if folder.exists():
                shutil.rmtree(folder)
    with _step('1/5 generate TinyKitchen', say):
        _make_world()
    with _step('2/5 encode every frame once with the frozen CLIP', say):
        extract_features(CONFIG)
    with _step('3/5 train on narrations, and on permuted ones as a control; evaluate', say):
        scores = {
            row.name: run_experiment(
                row, out_dir / 'runs', seed=SEED, overrides=['log_level=WARNING']
            )
            for row in ROWS
        }
    with _step('4/5 ground two queries in an unseen video', say):
        folder = _ground(out_dir, say)
    say('5/5 results')
    for line in score_table(scores):
        say(line)
    for name in ('result.json', 'overlay.mp4', 'timeline.png', 'report.html'):
        say(f'  {folder / name}')


def score_table(scores: dict[str, dict[str, float]]) -> list[str]:
    """Return the scores of each row in per cent, and of the controls without a model."""
    lines = [
        f'  {"on the test videos, %":24}' + ''.join(f'{name:>13}' for name in COLUMNS.values())
    ]
    first = next(iter(scores.values()))
    rows = dict(scores)
    for control in ('chance', 'oracle'):
        prefix = f'grounding/{control}/'
        rows[control] = {
            f'grounding/{key.removeprefix(prefix)}': value
            for key, value in first.items()
            if key.startswith(prefix)
        }
    for name, values in rows.items():
        cells = (values.get(f'grounding/{key}', float('nan')) for key in COLUMNS)
        lines.append(f'  {name:24}' + ''.join(f'{100 * cell:13.1f}' for cell in cells))
    return lines


@contextmanager
def _step(title: str, say: Say) -> Iterator[None]:
    say(title)
    start = time.monotonic()
    yield
    say(f'    {time.monotonic() - start:.0f} s')


def _check_world_is_ours() -> None:
    """Raise if the folder of the world holds anything but the demo's own world."""
    if not WORLD.exists():
        return
    try:
        found = json.loads((WORLD / 'settings.json').read_text())
    except (OSError, ValueError):  # not there, or no JSON
        found = None
    ours = {'seed': SEED, 'videos': N_VIDEOS}
    if not (isinstance(found, dict) and ours.items() <= found.items()):
        raise ValueError(
            f'{WORLD} is not the world of the demo ({N_VIDEOS} videos, seed {SEED}); to begin '
            'anew, move it or delete it yourself'
        )


def _make_world() -> None:
    """Generate what is missing of the world."""
    from stgr.datasets.tiny_kitchen.writer import make_tiny_kitchen

    make_tiny_kitchen(
        WORLD,
        n_videos=N_VIDEOS,
        seed=SEED,
        n_workers=os.cpu_count() or 1,
        progress=bar('generating videos'),
    )


def _ground(out_dir: Path, say: Say) -> Path:
    """Ask for one action that happens in a test video and one that never does."""
    segments = json.loads((WORLD / 'test' / 'seg.json').read_text())
    video_id = min(segments, key=lambda name: segments[name][-1]['segment'][1])
    step = segments[video_id][0]
    query = step['sentence'].replace('_', ' ')
    same = [row['segment'] for row in segments[video_id] if row['sentence'] == step['sentence']]
    folder = out_dir / 'result'
    if (folder / 'report.html').exists():
        return folder
    checkpoint = max(
        (out_dir / 'runs' / 'trained' / f'seed_{SEED}').glob('epoch_*.pth'),
        key=lambda path: path.stat().st_mtime,
    )
    grounder = Grounder(CONFIG, weights=checkpoint)
    result = grounder.ground(
        WORLD / 'test' / 'videos' / f'{video_id}.mp4',
        queries=[query, ABSENT_QUERY],
        progress=bar('encoding'),
    )
    truth = {query: [Span(start, end + 1, 1.0) for start, end in same], ABSENT_QUERY: []}
    grounder.save(result, folder, truth=truth, progress=sys.stderr.isatty())
    for answer in result.queries:
        spans = ', '.join(f'{span.start_sec:.1f}-{span.end_sec:.1f} s' for span in answer.spans)
        say(f'    "{answer.query}": {spans or "not found"} (similarity {answer.score:.2f})')
    return folder
