"""Train, score before and after beside controls, and show the scores."""

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.tables import format_table
from stgr.apis.train import prepare_runner
from stgr.io.atomic import write_atomically

if TYPE_CHECKING:
    from mmengine.config import Config

    from stgr.engine import GroundingRunner

SCORES_FILE = 'scores.json'
# MMEngine writes a config of the same name beside its checkpoints.
RUN_DIR = 'run'
# Of clicks: when and where; of narrations: which one is being said.
CLICKED = {
    'labels/label_acc': 'frame label',
    'labels/label_acc_best': 'label of action',
    'pointing/pointing_acc': 'pointing',
    'iou_point/iou_point_video_class': 'IoU+Point',
}
SAID = {
    'labels/label_acc_best': 'which narration',
    'labels/action_auc_video': 'spoken or not (AUC)',
}
Scores = dict[str, dict[str, float]]


def train_and_score(
    folder: Path, cfg: 'Config', *, seed: int, control: bool, say: Callable[[str], None]
) -> Scores:
    """Train, and return the test scores of each row; what is there already is not run again.

    Args:
        folder: Of the run; scores are kept there as they come.
        cfg: Its config.
        seed: Of all random numbers.
        control: Also train on permuted narrations.
        say: Called with one line at a time.
    """
    from stgr.engine import find_last_checkpoint

    path = folder / SCORES_FILE
    scores: Scores = json.loads(path.read_bytes()) if path.is_file() else {}
    tested = cfg.get('test_dataloader') is not None
    if tested and 'before' not in scores:
        scores['before'] = _tested(_runner(cfg, folder / 'before', seed=seed), calibrated=True)
        _keep(path, scores)
    if 'after' not in scores or find_last_checkpoint(folder / RUN_DIR) is None:
        say('training')
        runner = _train(cfg, folder / RUN_DIR, seed=seed)
        if tested:
            scores['after'] = _tested(runner)
            _keep(path, scores)
    if control and 'permuted' not in scores:
        say('training the control, every clip with the narration of another video')
        cfg.train_dataloader.dataset.permute_narrations = seed
        runner = _train(cfg, folder / 'permuted', seed=seed)
        if tested:
            scores['permuted'] = _tested(runner)
            _keep(path, scores)
    return _with_controls(scores)


def _keep(path: Path, scores: Scores) -> None:
    write_atomically(path, json.dumps(scores, indent=1).encode())


def _with_controls(scores: Scores) -> Scores:
    """Return the scores with those of predictors without a model as rows of their own."""
    if 'after' not in scores:
        return scores
    found = dict(scores)
    for name in ('chance', 'centre', 'oracle'):
        start = f'grounding/{name}/'
        row = {
            f'grounding/{key.removeprefix(start)}': value
            for key, value in scores['after'].items()
            if key.startswith(start)
        }
        if row:
            found[name] = row
    return found


def _train(cfg: 'Config', folder: Path, *, seed: int) -> 'GroundingRunner':
    """Train, or go on where training stopped."""
    runner = _runner(cfg, folder, seed=seed, resume='auto')
    runner.train()
    return runner


def _runner(
    cfg: 'Config', folder: Path, *, seed: int, resume: str | None = None
) -> 'GroundingRunner':
    """Return a runner that says no scores on the terminal."""
    from mmengine.config import Config

    # MMEngine formats what it logs five times, a second each.
    plain = Config(cfg.to_dict(), format_python_code=False)
    runner = prepare_runner(plain, work_dir=folder, seed=seed, resume=resume)
    for handler in runner.logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(_no_score_line)
    return runner


def _no_score_line(record: logging.LogRecord) -> bool:
    """Keep hundreds of scores on a line off the terminal; they are in the log and in a table."""
    return not any(mark in record.getMessage() for mark in ('Epoch(val)', 'Epoch(test)'))


def _tested(runner: 'GroundingRunner', *, calibrated: bool = False) -> dict[str, float]:
    """Return the test scores of a runner's model, its thresholds chosen on validation."""
    from stgr.engine.calibrate_thresholds_hook import calibrate

    if calibrated:
        runner.load_or_resume()  # testing would do so later, and undo the thresholds
        if runner.val_dataloader is not None:
            videos: Any = runner.val_dataloader.dataset
            calibrate(runner.model, (videos[i] for i in range(len(videos))))
    scores = {key: float(value) for key, value in runner.test().items()}
    scores['grounding/chance/labels/label_acc_best'] = _best_by_chance(runner)
    return scores


def _best_by_chance(runner: 'GroundingRunner') -> float:
    """Return how often a random query of its video is right in a second where one is."""
    dataset: Any = runner.test_dataloader.dataset
    right, seconds = 0.0, 0
    for video_id in dataset.video_ids:
        video = dataset.video(video_id)
        counted = int((video['eval_mask'] & (video['gt_labels'] >= 0)).sum())
        right, seconds = right + counted / len(video['pool']), seconds + counted
    return right / seconds if seconds else math.nan


def score_lines(scores: Scores, *, clicked: bool) -> list[str]:
    """Return the scores in per cent as a table, a row per model."""
    if not scores:
        return ['no video is held out for testing, so nothing is scored']
    columns = CLICKED if clicked else SAID
    what = 'on clicked seconds' if clicked else 'on what is said (nobody has clicked anything)'
    rows = [
        [name, *(_percent(values.get(f'grounding/{key}')) for key in columns)]
        for name, values in scores.items()
    ]
    table = format_table([f'test videos, %, {what}', *columns.values()], rows, 'text')
    return table.splitlines()


def _percent(value: float | None) -> str:
    return '-' if value is None or value != value else f'{100 * value:.1f}'
