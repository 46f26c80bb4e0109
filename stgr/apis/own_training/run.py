"""Train on prepared videos, score before and after, and say what to do next."""

import json
import logging
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING, Any

from stgr.apis.model_hub import find_config, find_model, load_config
from stgr.apis.own_training.own_config import adapt_config, feature_store, write_clicks
from stgr.apis.own_training.own_data import OwnData
from stgr.apis.progress import bar_or_lines
from stgr.apis.tables import format_table
from stgr.apis.train import prepare_runner
from stgr.io.atomic import write_atomically

if TYPE_CHECKING:
    from mmengine.config import Config

    from stgr.engine import GroundingRunner

CONFIG_FILE, SCORES_FILE = 'config.py', 'scores.json'
# MMEngine writes a config of the same name beside its checkpoints.
RUN_DIR = 'run'
TITLE = 'Training on prepared videos, as stgr train set it up.'
# Of the model's config, already in the data sets.
PARTS = ('_STORE', '_SIZE', '_metric', 'train_pipeline', 'test_pipeline')
DEFAULT_INIT = 'ours_clip'
WEIGHTS = ('.pth', '.safetensors')
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


@dataclass(frozen=True)
class Start:
    """What training begins with.

    Args:
        config: Model name or config path: the architecture and its settings.
        weights: A checkpoint of it; None: heads as they are made, on the backbone's own weights.
        name: What it is called.
    """

    config: str
    weights: Path | None
    name: str


@dataclass(frozen=True)
class OwnTraining:
    """What a training on one's own videos left.

    Args:
        work_dir: Folder of config, checkpoints, logs and ``scores.json``.
        config: The config that describes it, for every other tool.
        checkpoint: The last checkpoint; None if only the config was written.
        scores: Test scores by row: ``before``, ``after``, ``permuted`` if asked for, ``chance`` and
            other predictors without a model. Empty without test videos.
    """

    work_dir: Path
    config: Path
    checkpoint: Path | None
    scores: Scores


def train_on(
    data: str | Path,
    *,
    init: str | None = None,
    config: str | None = None,
    epochs: int | None = None,
    work_dir: str | Path | None = None,
    seed: int = 0,
    control: bool = False,
    config_only: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> OwnTraining:
    """Train a model on the folder that ``stgr prepare`` made, and score it on its test videos.

    Run again with the same ``work_dir`` it goes on where it stopped. The config it writes there
    stands for itself: ``stgr extract``, ``tools/train.py`` and ``stgr ground`` take it.

    Args:
        data: The folder.
        init: A model's name (its bundled weights, if the package carries some, else its backbone's
            alone) or a checkpoint, then with ``config``; None: ``config`` without weights of heads,
            else ``ours_clip``.
        config: Model name or config path, where it is not that of ``init``.
        epochs: Instead of the config's.
        work_dir: Where everything goes; None: ``work_dirs/DATA_NAME``.
        seed: Of all random numbers.
        control: Also train on permuted narrations, to see what is learned from what is said.
        config_only: Stop when the config is written.
        say: Called with one line at a time.

    Raises:
        FileNotFoundError: If something named is not there.
        ValueError: If there are too few clips, or nothing fits (see ``adapt_config``), or the
            folder holds another run.
    """
    start, own = find_start(init, config), OwnData(Path(data))
    if epochs is not None and epochs < 1:
        raise ValueError(f'epochs must be at least 1, not {epochs}')
    clips = own.num_clips
    folder = Path(work_dir or Path('work_dirs') / f'{own.root.resolve().name}_{start.name}')

    def adapted(leave_out: Collection[str]) -> 'Config':
        cfg = load_config(start.config)
        adapt_config(
            cfg,
            own,
            folder,
            name=start.name,
            epochs=epochs,
            weights=start.weights,
            leave_out=leave_out,
        )
        cfg.work_dir = str((folder / RUN_DIR).resolve())
        return cfg

    failed = _cannot_be_encoded(own, start.name)
    cfg = adapted(failed)
    path = _claim(folder, cfg, before=adapted(()))
    write_clicks(own, folder, failed)
    say(
        f'{clips} clips of {len(own.num_captions["train"])} videos, batches of '
        f'{cfg.train_dataloader.batch_size}, {cfg.train_cfg.max_epochs} epochs, from '
        f'{"its backbone alone" if start.weights is None else start.weights.name}'
    )
    _tell_of_clicks(own, say)
    if not config_only:
        _encode(cfg, say)
    if _cannot_be_encoded(own, start.name) != failed:  # known before the first step of training
        failed = _cannot_be_encoded(own, start.name)
        cfg = adapted(failed)
        write_atomically(path, _as_text(cfg))
        write_clicks(own, folder, failed)
    if failed:
        say(f'{len(failed)} videos cannot be encoded and are left out, see failed.jsonl there')
    if config_only:
        return OwnTraining(folder, path, None, {})
    scores = _scores(folder, cfg, seed=seed, control=control, say=say)
    checkpoint = _last_checkpoint(folder / RUN_DIR)
    for line in score_lines(scores, clicked=bool(own.boxes['test'])):
        say(line)
    return OwnTraining(folder, path, checkpoint, scores)


def find_start(init: str | None, config: str | None) -> Start:
    """Return what to begin with, see ``train_on``.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a name is unknown, or a checkpoint comes without its config.
    """
    if init is not None and init.endswith(WEIGHTS):
        weights = Path(init).expanduser()
        if not weights.is_file():
            raise FileNotFoundError(f'no checkpoint {weights}')
        beside = (folder / CONFIG_FILE for folder in weights.absolute().parents[:2])
        config = config or next((str(path) for path in beside if path.is_file()), None)
        if config is None:
            raise ValueError(f'say which model {weights} is of: --config CONFIG')
        return Start(config, weights, _stem(config))
    if init is not None and init.endswith('.py'):
        raise ValueError(f'{init} is a config; give it with --config {init}')
    if init is None and config is not None:
        find_config(config)
        return Start(config, None, _stem(config))
    entry = find_model(init or DEFAULT_INIT)
    return Start(config or entry.name, entry.weights, _stem(config or entry.name))


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


def _stem(config: str) -> str:
    path = Path(config)
    return path.parent.name if path.name == CONFIG_FILE else path.stem


def _claim(folder: Path, cfg: 'Config', *, before: 'Config') -> Path:
    """Write the config into the folder of the run; refuse one that holds another run.

    Args:
        folder: Of the run.
        cfg: Its config.
        before: The same before it was known which videos cannot be encoded.
    """
    path, content = folder / CONFIG_FILE, _as_text(cfg)
    if path.is_file() and path.read_bytes() not in (content, _as_text(before)):
        raise ValueError(
            f'{folder} holds a run with other data or settings; take another --work-dir, or delete '
            'it'
        )
    folder.mkdir(parents=True, exist_ok=True)
    return write_atomically(path, content)


def _as_text(cfg: 'Config') -> bytes:
    """Return a config as a Python file."""
    values = {key: value for key, value in cfg.to_dict().items() if key not in PARTS}
    lines = (f'{key} = {pformat(value, sort_dicts=False)}\n' for key, value in values.items())
    return f'"""{TITLE}"""\n\n{"".join(lines)}'.encode()


def _cannot_be_encoded(own: OwnData, name: str) -> tuple[str, ...]:
    """Return the prepared videos that a backbone has failed on."""
    from stgr.io.failed_videos import FailedVideos

    failed = FailedVideos(feature_store(own, name)).read()
    known = {video_id for videos in own.num_captions.values() for video_id in videos}
    return tuple(sorted(known & set(failed)))


def _tell_of_clicks(own: OwnData, say: Callable[[str], None]) -> None:
    counts = {split: len(videos) for split, videos in own.boxes.items()}
    if counts['train']:
        say(
            f'{counts["train"]} of {sum(counts.values())} clicked videos are learned from and '
            'therefore not scored'
        )
    if not counts['val'] and own.num_captions['val']:
        say(
            'no clicks in a validation video: thresholds are chosen by what is said, which is poor '
            'for a pool of actions (--actions); set --threshold there'
        )
    if not counts['test'] and own.num_captions['test']:
        names = ', '.join(list(own.num_captions['test'])[:3])
        say(
            f'no clicks in a test video; for scores of when and where, click actions in those of '
            f'test.json ({names}, ...) with: stgr annotate ... --out {own.root / "annotations"}'
        )


def _encode(cfg: 'Config', say: Callable[[str], None]) -> None:
    """Store what a frozen backbone sees in the videos; what it cannot read, the store notes."""
    from stgr.apis.build import choose_device
    from stgr.apis.extract import store_jobs
    from stgr.apis.feature_extraction import fill_store
    from stgr.io.feature_store import FeatureStore
    from stgr.registry import MODELS

    for folder, videos in store_jobs(cfg).items():
        report = fill_store(
            MODELS.build(cfg.model).to(choose_device(None)).eval(),
            list(videos.items()),
            FeatureStore(folder),
            rate_fps=cfg.feature_fps,
            sharded=cfg.get('feature_layout') == 'shards',
            progress=bar_or_lines('encoding videos'),
        )
        say(f'{report.encoded} videos encoded now, kept in {folder}')


def _scores(
    folder: Path, cfg: 'Config', *, seed: int, control: bool, say: Callable[[str], None]
) -> Scores:
    """Train, and return the test scores of each row; what is there already is not run again."""
    path = folder / SCORES_FILE
    scores: Scores = json.loads(path.read_bytes()) if path.is_file() else {}
    tested = cfg.get('test_dataloader') is not None
    if tested and 'before' not in scores:
        scores['before'] = _tested(_runner(cfg, folder / 'before', seed=seed), calibrated=True)
        _keep(path, scores)
    if 'after' not in scores or _last_checkpoint(folder / RUN_DIR) is None:
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


def _last_checkpoint(folder: Path) -> Path | None:
    from stgr.engine import find_last_checkpoint

    return find_last_checkpoint(folder)
