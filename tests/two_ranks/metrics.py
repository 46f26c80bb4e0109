"""Every registered metric on samples that a distributed sampler has padded."""

from functools import partial

import numpy as np

import stgr.evaluation.metrics  # noqa: F401 - registers them
from stgr.registry import METRICS

COUNT = 5


def _record(number, generator):
    return {
        'video_id': f'video {number}',
        'pool': ['a', 'b', 'c'],
        'times': np.arange(20),
        'gt_labels': generator.integers(-1, 3, 20),
        'gt_boxes_px': np.tile([10, 10, 60, 60], (20, 1)),
        'frame_size': (100, 80),
        'pred_labels': generator.integers(-1, 3, 20),
        'pred_scores': generator.random(20),
        'heatmaps': generator.random((20, 3, 3)),
        'gt_heatmaps': generator.random((20, 3, 3)),
    }


def _clips(number, generator):
    return _record(number, generator) | {'clips': [(2, 6, 'a'), (9, 12, 'bca'[number % 3])]}


def _transcript(number, generator):
    return {
        'video_id': f'video {number}',
        'log_scores': np.log(generator.dirichlet(np.ones(4), 12)),
        'transcript': [-1, number % 3, -1],
        'gt_labels': np.repeat([-1, number % 3, -1], 4),
    }


def _tube(number, generator):
    corners = generator.random((6, 2)) * 40
    return {
        'query_id': f'query {number}',
        'frames': np.arange(6),
        'pred_span': (0, 2 + number % 4),
        'true_span': (1, 6),
        'pred_boxes_px': np.concatenate([corners, corners + 30], axis=1),
        'true_boxes_px': np.tile([10, 10, 60, 60], (6, 1)),
        'group': ('declarative', 'interrogative')[number % 2],
    }


def _pair(number, generator):
    return {
        'text_id': f'text {number}',
        'video_id': f'video {number // 2}',  # two texts of one video, which ranks share out
        'text_embed': generator.standard_normal(4),
        'video_embed': np.random.default_rng(100 + number // 2).standard_normal(4),
    }


def _image(number, generator):
    return {
        'image_id': f'image {number}',
        'class_name': 'cut' if number % 2 else 'mix',
        'gt_boxes_px': [[0, 0, 50, 80], [50, 0, 100, 80]],
        'frame_size': (100, 80),
        'heatmap': generator.random((3, 3)),
    }


SAMPLES = {
    'AlignmentMetric': _transcript,
    'BoxedImageMetric': _image,
    'GroundingMetric': _record,
    'QueryTubeMetric': _tube,
    'RetrievalMetric': _pair,
    'SingleActionMetric': _clips,
}
SETTINGS = {
    'GroundingMetric': {'controls': ['chance', 'oracle'], 'mask_threshold': 0.5},
    'SingleActionMetric': {'mask_threshold': 0.5},
    'BoxedImageMetric': {'mask_threshold': 0.5},
}


def _scores(ranks, *, name):
    settings = {'type': name, 'collect_dir': str(ranks.folder / f'collect {name}')}
    per_video = ranks.folder / 'videos.json'
    if name == 'GroundingMetric':
        settings['per_video_path'] = str(per_video)
    metric = METRICS.build(settings | SETTINGS.get(name, {}))
    padded = [*range(COUNT), 0]  # as a distributed sampler pads five samples to two ranks
    for number in padded[ranks.rank :: ranks.world][: COUNT if ranks.world == 1 else None]:
        metric.process(None, [SAMPLES[name](number, np.random.default_rng(number))])
    scores = {key: float(value) for key, value in metric.evaluate(COUNT).items()}
    if name == 'GroundingMetric':
        scores['file of each video'] = per_video.read_text()
    return scores


# Other tests register toys of their own.
REGISTERED = sorted(
    name for name, kind in METRICS.module_dict.items() if kind.__module__.startswith('stgr.')
)
CASES = {name: partial(_scores, name=name) for name in REGISTERED}
