"""A config of somebody's own videos: that of a model, with other data and a shorter schedule."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.own_training.own_data import ANNOTATIONS, BOXES, MIN_CLIPS, OwnData
from stgr.apis.prepare import DURATIONS, VIDEOS
from stgr.io.atomic import write_atomically

if TYPE_CHECKING:
    from mmengine.config import Config

# Below this all captions are held by each process, as they are read.
MANY_CLIPS = 100_000
WARMUP_SHARE = 10  # a tenth of the steps at most
MIN_STEPS = 300  # 40 steps on 91 clips of TinyKitchen taught nothing, 300 did
MAX_EPOCHS = 100
# At the full rate 91 clips ruined heads that 1,400 had taught (pointing 76 to 42 %).
FINE_TUNING_RATE = 0.1
# By name: a class could not be dumped with the config.
_CALIBRATE = 'stgr.engine.CalibrateThresholdsHook'
_CHECKPOINTS = 'stgr.engine.CrashSafeCheckpointHook'
_METRIC = 'stgr.evaluation.metrics.GroundingMetric'
KNOWN_STEPS = ('SampleClip', 'LoadVideoFrames', 'LoadFeatures', 'PackClip')


def adapt_config(
    cfg: 'Config',
    data: OwnData,
    work_dir: Path,
    *,
    name: str,
    epochs: int | None = None,
    weights: Path | None = None,
    leave_out: Collection[str] = (),
) -> None:
    """Change a model's config in place so that it trains on ``data``.

    * Every caption is a clip of every epoch; a batch has a quarter of the clips at most.
    * A frozen backbone encodes each video once, into ``data/features/NAME``.
    * Thresholds are chosen at the end on the validation videos: on clicks where there are some,
      else on what is said. The test videos are scored likewise.
    * The warm-up takes a tenth of the steps at most; the schedule ends with the last epoch.

    Args:
        cfg: Config of a model that learns.
        data: The videos.
        work_dir: Where the chosen clicks are noted, see ``write_clicks``.
        name: What the features are called: those of one backbone.
        epochs: Instead of the config's, or of as many as make ``MIN_STEPS`` steps.
        weights: What training begins with, at a lower rate; None: the heads as they are made.
        leave_out: Videos that cannot be encoded.

    Raises:
        ValueError: If the config does not train, or on more than videos with narrations, or there
            are too few clips.
    """
    _check(cfg, name)
    cfg.data_sha256 = data.sha256  # other captions or clicks are another run
    clips, root = data.num_clips, data.root.resolve()
    steps = _pipeline(cfg, feature_store(data, name))
    common = {'data_root': str(root), 'videos_dir': VIDEOS, 'durations': DURATIONS}
    train = cfg.train_dataloader
    # Of few clips a batch is a part all the same, or it would always be the same one.
    train.batch_size = min(train.batch_size, max(MIN_CLIPS, clips // 4))
    train.dataset = {
        'type': 'stgr.datasets.HowTo100M',
        **common,
        'captions': 'train.json',
        'caption_store': 'train.clips' if clips > MANY_CLIPS else None,
        'max_missing': 0.5,  # of few videos one is many; all were opened before, and are told
        'pipeline': steps,
    }
    metric = _metric(cfg)
    for split in ('val', 'test'):
        dataset, evaluator = _evaluation(
            data, split, work_dir, common, steps[1:], metric, leave_out
        )
        cfg[f'{split}_dataloader'] = dataset
        cfg[f'{split}_evaluator'] = evaluator
        cfg[f'{split}_cfg'] = None if dataset is None else {}
    steps_per_epoch = clips // train.batch_size
    epochs = epochs or _enough_epochs(cfg.train_cfg.max_epochs, steps_per_epoch)
    cfg.train_cfg.max_epochs = epochs
    cfg.train_cfg.val_interval = epochs + 1  # scored once, at the end, by the caller
    _fit_schedule(cfg, epochs, steps_per_epoch=steps_per_epoch)
    if weights is not None:
        cfg.load_from = str(weights.resolve())
        cfg.optim_wrapper.optimizer.lr *= FINE_TUNING_RATE
    calibrates = _CALIBRATE.rpartition('.')[2]
    cfg.default_hooks = {
        **cfg.get('default_hooks', {}),
        'checkpoint': {'type': _CHECKPOINTS, 'interval': 1, 'max_keep_ckpts': 2},
    }
    hooks = [hook for hook in cfg.get('custom_hooks') or () if _name(hook) != calibrates]
    if cfg.val_dataloader is not None:
        hooks.append({'type': _CALIBRATE, 'interval': epochs})
    cfg.custom_hooks = hooks


def write_clicks(data: OwnData, work_dir: Path, leave_out: Collection[str] = ()) -> None:
    """Note the clicks that are scored where the config of ``adapt_config`` looks for them."""
    for split in ('val', 'test'):
        clicked = data.scored_boxes(split, leave_out)
        if clicked:
            write_atomically(_clicks_file(work_dir, split), json.dumps(clicked).encode())


def _clicks_file(work_dir: Path, split: str) -> Path:
    return work_dir.resolve() / f'{split}_{BOXES}'


def feature_store(data: OwnData, name: str) -> Path:
    """Return where the features of a model's backbone are kept."""
    return data.root.resolve() / 'features' / re.sub(r'\W+', '_', name)


def _check(cfg: 'Config', name: str) -> None:
    """Refuse what has no training on narrated clips counted in epochs."""
    loader, loop = cfg.get('train_dataloader'), cfg.get('train_cfg')
    if loader is None or loop is None or 'pipeline' not in loader.get('dataset', {}):
        raise ValueError(f'{name} has nothing to train on narrated videos; try ours_clip')
    if not loop.get('by_epoch'):
        raise ValueError(f'{name} counts iterations; give a config that trains by epochs')
    unknown = [_name(step) for step in loader.dataset.pipeline if _name(step) not in KNOWN_STEPS]
    if unknown:
        raise ValueError(
            f'{name} reads more than videos and narrations ({", ".join(unknown)}); write a config '
            'of your own from it instead'
        )


def _pipeline(cfg: 'Config', store: Path) -> list[Any]:
    """Return the steps from a clip to a sample; frozen features are read from a store."""
    steps = list(cfg.train_dataloader.dataset.pipeline)
    stored = any(_name(step) == 'LoadFeatures' for step in steps)
    if not stored and not _can_be_stored(cfg.model.backbone):
        return steps
    if not stored:
        cfg.feature_fps = float(steps[0].get('fps', 5.0))
        cfg.feature_layout = 'shards'
        cfg.train_dataloader.num_workers = 0  # a stored window is read faster than a worker answers
        cfg.train_dataloader.persistent_workers = False
    load = {'type': 'stgr.datasets.transforms.LoadFeatures', 'store_dir': str(store)}
    return [load if _name(s) in ('LoadFeatures', 'LoadVideoFrames') else s for s in steps]


def _can_be_stored(backbone: Mapping[str, Any]) -> bool:
    """Return whether a backbone gives a picture the same features in every epoch."""
    return backbone.get('frozen', True) is True and _name(backbone) != 'S3DBackbone'


def _metric(cfg: 'Config') -> dict[str, Any]:
    """Return how the config makes masks of heat maps, for scores of places."""
    evaluator = cfg.get('test_evaluator') or {}
    settings = ('mask_threshold', 'normalisation')
    return {key: evaluator[key] for key in settings if key in evaluator}


def _evaluation(
    data: OwnData,
    split: str,
    work_dir: Path,
    common: Mapping[str, str],
    steps: list[Any],
    metric: Mapping[str, Any],
    leave_out: Collection[str],
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return loader and metric of a split; None and None if no video is in it."""
    readable = [v for v, n in data.num_captions[split].items() if n and v not in leave_out]
    dataset: dict[str, Any]
    if data.scored_boxes(split, leave_out):
        root = Path(common['data_root'])
        dataset = {
            'type': 'stgr.datasets.GroundingYouTube',
            'data_root': str(root / ANNOTATIONS),
            'boxes': str(_clicks_file(work_dir, split)),
            'videos_dir': str(root / VIDEOS),
            'durations': str(root / DURATIONS),
        }
        evaluator = {'type': _METRIC, **metric}
        controls = ['chance', 'centre', 'oracle']
    elif readable:
        dataset = {
            'type': 'stgr.datasets.NarratedVideos',
            **common,
            'captions': f'{split}.json',
            'leave_out': sorted(leave_out),
        }
        evaluator = {'type': _METRIC, 'tasks': ['labels']}
        controls = ['chance']
    else:
        return None, None
    loader = {
        'batch_size': 1,
        'num_workers': 0,
        'sampler': {'type': 'mmengine.dataset.DefaultSampler', 'shuffle': False},
        'collate_fn': {'type': 'mmengine.dataset.pseudo_collate'},
        'dataset': {**dataset, 'pipeline': steps},
    }
    return loader, {**evaluator, 'controls': controls}


def _enough_epochs(epochs: int, steps_per_epoch: int) -> int:
    """Return how many epochs few clips need: heads that begin from nothing learn in steps."""
    return max(epochs, min(MAX_EPOCHS, -(-MIN_STEPS // steps_per_epoch)))


def _fit_schedule(cfg: 'Config', epochs: int, *, steps_per_epoch: int) -> None:
    """End schedules with the last epoch, and the warm-up after a tenth of the steps."""
    warmup = max(1, epochs * steps_per_epoch // WARMUP_SHARE)
    schedules = cfg.get('param_scheduler') or []
    for schedule in schedules if isinstance(schedules, list) else [schedules]:
        if schedule.get('by_epoch', True):
            if 'T_max' in schedule:
                schedule['T_max'] = epochs
        elif 'end' in schedule:
            schedule['end'] = min(schedule['end'], warmup)


def _name(part: Mapping[str, Any]) -> str:
    """Return the class name of a part, which a config gives as a class or by name."""
    kind = part.get('type')
    return str(getattr(kind, '__name__', kind)).rpartition('.')[2]
