"""Ask a model everything about videos of which it is known what happens when."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.calibration import BackgroundBank, choose_background
from stgr.structures import Span

if TYPE_CHECKING:
    from stgr.apis.inferencer import GroundingInferencer
    from stgr.datasets.video_dataset import VideoDataset
    from stgr.io.stored_features import StoredFeatures

MODES = ('queries', 'actions')
RIGHT_IOU = 0.5
"""A span is right if it overlaps a true one of its query by at least this temporal IoU."""
_NEEDED = ('video_id', 'duration_sec', 'labels', 'pool')


@dataclass(frozen=True)
class JudgedSpan:
    """A span that a model answered, and whether it is right.

    Args:
        query: Index of its query.
        span: The span.
        right: Whether it overlaps a true span of the query enough, see ``RIGHT_IOU``.
    """

    query: int
    span: Span
    right: bool


@dataclass(frozen=True)
class AskedVideo:
    """The answers of a model about one video, and the truth.

    Args:
        video_id: Name of the video.
        frame_scores: Similarity of each query and evaluated frame, (Q, F).
        found: Whether the model finds each query, judged alone by its threshold, (Q,) bool.
        happens: Whether each query happens, (Q,) bool.
        spans: Of all queries, by mode: each judged alone; or those of the video's own pool
            competing.
    """

    video_id: str
    frame_scores: np.ndarray
    found: np.ndarray
    happens: np.ndarray
    spans: Mapping[str, tuple[JudgedSpan, ...]]


@dataclass(frozen=True)
class Questions:
    """All queries asked about all videos: most of them do not happen in most videos.

    Args:
        queries: The names of everything that happens in any of the videos, sorted, (Q,).
        videos: One per video.
        bank: Background frames of these videos; None if there are none.
        truth: What happens at each second of each video, for the record.
    """

    queries: tuple[str, ...]
    videos: tuple[AskedVideo, ...]
    bank: BackgroundBank | None
    truth: Mapping[str, Sequence[str | None]]

    def permuted(self, seed: int) -> 'Questions':
        """Return the same with another query asked in the place of each; the truth stays.

        What is left is what a model knows without understanding a word.
        """
        order = np.random.default_rng(seed).permutation(len(self.queries))
        other = np.empty_like(order)
        other[order] = np.roll(order, 1)  # one cycle: no query keeps its place
        videos = tuple(
            AskedVideo(
                video.video_id, video.frame_scores[other], video.found[other], video.happens, {}
            )
            for video in self.videos
        )
        queries = tuple(self.queries[row] for row in other)
        return Questions(queries, videos, self.bank, self.truth)


def ask(
    inferencer: 'GroundingInferencer',
    dataset: 'VideoDataset',
    *,
    features: str | Path | None,
    bank_frames: int = 256,
) -> Questions:
    """Return a model's answers to every query about every video.

    Args:
        inferencer: The model, its rate and what makes its spans.
        dataset: Videos whose items have ``video_id``, ``duration_sec``, ``pool`` and ``labels``
            per second.
        features: Store of ``stgr extract``, at the rate of the inferencer; None: the videos are
            decoded.
        bank_frames: Background frames kept, of all videos together.

    Raises:
        ValueError: If nothing happens in the videos, or stored features have another rate.
        FileNotFoundError: If features or videos are missing.
    """
    truth = {video_id: list(_item(dataset, video_id)['labels']) for video_id in dataset.video_ids}
    queries = sorted({name for labels in truth.values() for name in labels if name is not None})
    if not queries:
        raise ValueError('nothing happens in these videos; give videos with annotated actions')
    share = max(1, bank_frames // len(truth))
    videos, rows = [], []
    for video_id, labels in truth.items():
        item = _item(dataset, video_id)
        with _features(inferencer, item, features) as stored:
            videos.append(_ask_one(inferencer, item, labels, queries, stored))
            rows += _background_rows(inferencer, video_id, labels, stored, share)
    return Questions(tuple(queries), tuple(videos), _bank(rows), truth)


def _item(dataset: 'VideoDataset', video_id: str) -> dict[str, Any]:
    item = dataset.video(video_id)
    missing = [name for name in _NEEDED if name not in item]
    if missing:
        raise ValueError(
            f'{type(dataset).__name__} does not tell {", ".join(missing)}; calibrate on a data set '
            'with a label per second, such as GroundingYouTube'
        )
    return item


@contextmanager
def _features(
    inferencer: 'GroundingInferencer', item: Mapping[str, Any], store: str | Path | None
) -> 'Iterator[StoredFeatures]':
    """Open the stored features of a video, or decode it."""
    from stgr.io.feature_store import FeatureStore

    if store is None:
        path = item.get('video_path')
        if path is None:
            raise FileNotFoundError(
                f'{item["video_id"]} has neither stored features nor a video; give a folder of '
                'features'
            )
        with inferencer.encode(path) as encoded:
            yield encoded.features
        return
    stored = FeatureStore(store).open(item['video_id'])
    if abs(stored.step_sec * inferencer.rate_fps - 1) > 1e-6:
        raise ValueError(
            f'{stored.source} has {1 / stored.step_sec:g} features per second, but answers are at '
            f'{inferencer.rate_fps:g}; extract them at that rate, give --fps, or --decode them'
        )
    yield stored


def _ask_one(
    inferencer: 'GroundingInferencer',
    item: Mapping[str, Any],
    labels: Sequence[str | None],
    queries: Sequence[str],
    stored: 'StoredFeatures',
) -> AskedVideo:
    scores = inferencer.scores(stored, queries)
    times_sec = stored.times_sec
    duration_sec = max(float(item['duration_sec']), float(times_sec[-1]) + stored.step_sec)
    pool = [queries.index(name) for name in item['pool'] if name in queries]
    asked = {'queries': list(range(len(queries))), 'actions': pool}
    spans = {}
    for mode, rows in asked.items():
        _, answers = inferencer.localize(
            scores[rows], times_sec, duration_sec, exclusive=mode == 'actions'
        )
        spans[mode] = tuple(
            JudgedSpan(row, span, is_right(span, true_spans(labels, queries[row])))
            for row, answer in zip(rows, answers, strict=True)
            for span in answer.spans
        )
    happens = np.asarray([name in labels for name in queries])
    found = np.isin(np.arange(len(queries)), [one.query for one in spans['queries']])
    return AskedVideo(str(item['video_id']), scores, found, happens, spans)


def true_spans(labels: Sequence[str | None], query: str) -> list[tuple[float, float]]:
    """Return when a query happens: the runs of seconds that have its label."""
    shown = np.asarray([label == query for label in labels], np.int8)
    change = np.diff(shown, prepend=0, append=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]


def is_right(span: Span, truth: Sequence[tuple[float, float]]) -> bool:
    """Return whether a span has a temporal IoU of ``RIGHT_IOU`` with a true one."""
    for start_sec, end_sec in truth:
        both = min(span.end_sec, end_sec) - max(span.start_sec, start_sec)
        either = span.duration_sec + (end_sec - start_sec) - both
        if both > 0 and both >= RIGHT_IOU * either:
            return True
    return False


def _background_rows(
    inferencer: 'GroundingInferencer',
    video_id: str,
    labels: Sequence[str | None],
    stored: 'StoredFeatures',
    count: int,
) -> list[Any]:
    """Return background frames of one video, as parts of a bank."""
    seconds = np.minimum(stored.times_sec.astype(np.int64), len(labels) - 1)
    mask = np.asarray([labels[second] is None for second in seconds])
    if not mask.any():
        return []
    (chosen,) = choose_background([mask], count)
    block = stored.read(chosen, patches=inferencer.model.similarity_needs_patches)
    return [(video_id, block.frames, block.patches, stored.grid)]


def _bank(rows: Sequence[Any]) -> BackgroundBank | None:
    import torch

    if sum(len(frames) for _, frames, _, _ in rows) < 2:
        return None
    patches = [part for _, _, part, _ in rows]
    return BackgroundBank(
        torch.cat([frames for _, frames, _, _ in rows]),
        None if patches[0] is None else torch.cat(patches),
        tuple(rows[0][3]),
        tuple(video_id for video_id, frames, _, _ in rows for _ in range(len(frames))),
    )
