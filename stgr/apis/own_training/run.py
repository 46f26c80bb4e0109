"""Train on prepared videos from beginning to end, and say what to do next."""

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING

from stgr.apis.model_hub import load_config
from stgr.apis.own_training.own_config import adapt_config, feature_store, write_clicks
from stgr.apis.own_training.own_data import OwnData
from stgr.apis.own_training.scoring import RUN_DIR, Scores, score_lines, train_and_score
from stgr.apis.own_training.start import CONFIG_FILE, find_start
from stgr.apis.progress import bar_or_lines
from stgr.io.atomic import write_atomically
from stgr.io.file_locks import only_writer

if TYPE_CHECKING:
    from mmengine.config import Config

TITLE = 'Training on prepared videos, as stgr train set it up.'
# Of the model's config, already in the data sets.
PARTS = ('_STORE', '_SIZE', '_metric', 'train_pipeline', 'test_pipeline')


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
        work_dir: Where everything goes; None: ``work_dirs/DATA_MODEL``.
        seed: Of all random numbers.
        control: Also train on permuted narrations, to see what is learned from what is said.
        config_only: Stop when the config is written.
        say: Called with one line at a time.

    Raises:
        FileNotFoundError: If something named is not there.
        ValueError: If there are too few clips, or nothing fits (see ``adapt_config``), or the
            folder holds another run, or another process is writing to it.
    """
    from stgr.engine import find_last_checkpoint

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
    before = adapted(())
    with only_writer(folder):
        path = _claim(folder, cfg, before=before)
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
        scores = train_and_score(folder, cfg, seed=seed, control=control, say=say)
        checkpoint = find_last_checkpoint(folder / RUN_DIR)
        for line in score_lines(scores, clicked=bool(own.boxes['test'])):
            say(line)
        return OwnTraining(folder, path, checkpoint, scores)


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
        clicks = shlex.quote(str(own.root / 'annotations'))
        say(
            f'no clicks in a test video; for scores of when and where, click actions in those of '
            f'test.json ({names}, ...) with: stgr annotate ... --out {clicks}'
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
