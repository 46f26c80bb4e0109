"""``stgr calibrate``: from a model and validation videos to the file of its probabilities."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgr.apis.build import build_grounder, default_calibration
from stgr.apis.calibration.fit import fit_calibration
from stgr.apis.calibration.page import report_lines, write_calibration_page
from stgr.apis.calibration.questions import ask
from stgr.apis.calibration.score import score_calibration
from stgr.apis.grounder import DEFAULT_FPS
from stgr.apis.inferencer import GroundingInferencer
from stgr.apis.model_hub import load_config
from stgr.calibration import CALIBRATION_SUFFIX, Calibration, save_calibration
from stgr.calibration.files import check_name
from stgr.io.atomic import write_atomically
from stgr.io.checked_json import format_json

if TYPE_CHECKING:
    from mmengine.config import Config

    from stgr.datasets.video_dataset import VideoDataset

# Somebody's own videos; larger ones are data sets with splits of their own.
MAX_CAPTION_BYTES = 1 << 26


@dataclass(frozen=True)
class CalibrationJob:
    """What to calibrate, on what, and where the result goes.

    Args:
        model: Model name or config path.
        weights: Checkpoint; None for the bundled one.
        data: Validation split; None for that of the config's ``val_dataloader``.
        features: Store of features; None for that of the config, if it has one. Without a store the
            videos are decoded.
        decode: Decode the videos even if the config has a store.
        out: File to write; None for the one that ``Grounder`` looks for, beside the weights.
        test: Test split to score on, with nothing chosen there; None: not scored.
        report: Folder of a page and a JSON file of the scores; needs ``test``.
        rate_fps: Evaluated frames per second; None for the config's ``ground_fps``, or 2.
        threshold, min_duration_sec, max_gap_sec, device, reader: As for ``Grounder``; spans are
            judged for these.
        num_resamples: Resamples of the test videos for the intervals, >= 1.
        seed: Of the resamples and the permuted control.

    Raises:
        ValueError: If a report is wanted without test, or there is no resample.
    """

    model: str | Path
    weights: Path | None = None
    data: Path | None = None
    features: Path | None = None
    decode: bool = False
    out: Path | None = None
    test: Path | None = None
    report: Path | None = None
    rate_fps: float | None = None
    threshold: float | None = None
    min_duration_sec: float | None = None
    max_gap_sec: float | None = None
    device: str | None = None
    reader: str = 'pyav'
    num_resamples: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if self.report is not None and self.test is None:
            raise ValueError('a report shows test videos; give their split with --test')
        if self.num_resamples < 1:
            raise ValueError(f'intervals need at least 1 resample, not {self.num_resamples}')


def calibrate_model(
    job: CalibrationJob,
    *,
    config: 'Config | None' = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Calibration, dict[str, Any] | None]:
    """Fit the probabilities of a model on validation videos, save them, and score them on test.

    Args:
        job: What to do.
        config: The model's config where it is not just the named one.
        say: Called with one line at a time.

    Returns:
        The calibration, and the document of ``score_calibration``; None without test videos.

    Raises:
        ValueError: If the config has no validation videos, they are the training videos or the
            test videos, or only tell what is said, or nothing can be fitted.
        FileNotFoundError: If weights, annotations, features or videos are missing.
    """
    config = load_config(job.model) if config is None else config
    validation = annotated_videos(config, 'val_dataloader', job.data)
    test = None if job.test is None else _test_videos(config, job.test, validation)
    store = None if job.decode else job.features or feature_store_of(config)
    out = job.out or default_calibration(job.model, job.weights)
    if out is None:
        raise ValueError(
            f'{job.model} has no weights beside which its calibration could lie; give a file with '
            f'--out NAME{CALIBRATION_SUFFIX}'
        )
    check_name(out)
    model, facts = build_grounder(job.model, weights=job.weights, device=job.device, config=config)
    inferencer = GroundingInferencer(
        model,
        facts,
        rate_fps=config.get('ground_fps', DEFAULT_FPS) if job.rate_fps is None else job.rate_fps,
        min_duration_sec=job.min_duration_sec,
        max_gap_sec=job.max_gap_sec,
        threshold=job.threshold,
        reader=job.reader,
    )
    asked = ask(inferencer, validation, features=store)
    origin = {'data': str(getattr(validation, 'data_root', '')), 'split': 'validation'}
    calibration = fit_calibration(inferencer, asked, provenance=origin)
    path = save_calibration(calibration, out)
    say(_summary(calibration))
    say(f'calibration in {path}')
    if test is None:
        return calibration, None
    scores = _score(job, inferencer, test, store, calibration)
    for line in report_lines(scores):
        say(line)
    if job.report is not None:
        job.report.mkdir(parents=True, exist_ok=True)
        write_atomically(job.report / 'scores.json', (format_json(scores) + '\n').encode())
        page = write_calibration_page(scores, calibration, job.report)
        say(f'pictures: {page}')
    return calibration, scores


def _test_videos(config: 'Config', data_root: Path, validation: 'VideoDataset') -> 'VideoDataset':
    """Return the test videos; refuse those that the calibration is fitted on."""
    test = annotated_videos(config, 'test_dataloader', data_root)
    shared = sorted(set(test.video_ids) & set(validation.video_ids))
    if shared:
        raise ValueError(
            f'{len(shared)} test videos are among those the calibration was fitted on '
            f'({", ".join(shared[:3])}...); give others'
        )
    return test


def _score(
    job: CalibrationJob,
    inferencer: GroundingInferencer,
    test: 'VideoDataset',
    store: Path | None,
    calibration: Calibration,
) -> dict[str, Any]:
    answers = ask(inferencer, test, features=store)
    scores = score_calibration(
        inferencer, answers, calibration, num_resamples=job.num_resamples, seed=job.seed
    )
    facts = inferencer.facts
    return {
        'model': facts.name,
        'weights_sha256': facts.weights_sha256,
        'data': str(job.test),
        **scores,
    }


def annotated_videos(
    config: 'Config', loader: str, data_root: Path | None = None
) -> 'VideoDataset':
    """Return the data set of a loader without its pipeline, moved to another folder if given.

    Raises:
        ValueError: If there is none, it is what the model was trained on, or it only tells what is
            said.
    """
    from stgr.datasets import NarratedVideos
    from stgr.registry import DATASETS

    if config.get(loader) is None:
        raise ValueError(f'the config has no {loader}; use one that says how videos are annotated')
    settings = dict(config[loader]['dataset'])
    settings['pipeline'] = []
    if data_root is not None:
        settings |= _moved(settings, data_root)
    dataset: VideoDataset = DATASETS.build(settings)
    if isinstance(dataset, NarratedVideos):
        raise ValueError(
            f'{loader} tells what is said in the videos, which is not what happens; click actions '
            'in some of them (stgr annotate) and calibrate on those'
        )
    training = (config.get('train_dataloader') or {}).get('dataset', {}).get('data_root')
    own = str(settings.get('data_root'))
    if training is not None and Path(training).resolve() == Path(own).resolve():
        raise ValueError(
            f'{training} is what the model was trained on, where it is too sure of itself; '
            'calibrate and test on other videos'
        )
    if data_root is not None:
        _check_unseen(dataset, config, data_root)
    return dataset


def _check_unseen(dataset: 'VideoDataset', config: 'Config', data_root: Path) -> None:
    """Refuse a folder that is not there or holds videos that the model learned from."""
    if not data_root.is_dir():
        raise FileNotFoundError(f'no folder {data_root}; give one with annotated videos')
    shared = sorted(_learned_from(config) & set(dataset.video_ids))
    if shared:
        raise ValueError(
            f'{len(shared)} videos of {data_root} are what the model was trained on '
            f'({", ".join(shared[:3])}...), where it is too sure of itself; calibrate and test on '
            'other videos'
        )


def _moved(settings: Mapping[str, Any], data_root: Path) -> dict[str, str]:
    """Return the settings that change with the folder of a data set.

    Files that are named absolutely, as ``stgr train`` does, do not follow a folder by themselves:
    those that the new folder has count, the others, such as a list of videos, stay.
    """
    own = {'boxes': 'box_anno.json', 'videos_dir': 'videos', 'durations': 'durations.json'}
    return {'data_root': str(data_root)} | {
        key: name
        for key, name in own.items()
        if Path(settings.get(key) or '').is_absolute() and (data_root / name).exists()
    }


def _learned_from(config: 'Config') -> set[str]:
    """Return the videos that a model learned from, where one small file lists their captions."""
    training = (config.get('train_dataloader') or {}).get('dataset', {})
    path = Path(str(training.get('data_root', ''))) / str(training.get('captions', ''))
    if path.suffix != '.json' or not path.is_file() or path.stat().st_size > MAX_CAPTION_BYTES:
        return set()
    return set(json.loads(path.read_bytes()))


def feature_store_of(config: 'Config') -> Path | None:
    """Return the feature store that the validation videos are read from, None without one."""
    for step in config['val_dataloader']['dataset'].get('pipeline', []):
        if 'store_dir' in step:
            return Path(step['store_dir'])
    return None


def _summary(calibration: Calibration) -> str:
    facts, occurrence = calibration.provenance, calibration.occurrence
    held_out = facts['leave_one_video_out']
    return (
        f'{facts["questions"]} questions about {facts["videos"]} videos, {facts["happening"]} of '
        f'things that happen; evidence over {occurrence.window_frames} frames, '
        f'{"with" if occurrence.uses_background else "without"} the prior of each query; each '
        f'video left out in turn: AUROC {held_out["auroc"]:.3f}, calibration error '
        f'{held_out["ece"]:.3f}; found from {calibration.min_score:.2f} on: '
        f'{100 * held_out["accuracy_at_min_score"]:.1f} % right'
    )
