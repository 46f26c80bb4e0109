"""Retrieval: which video does a text describe, and which text a video."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from stgr.apis.evaluation.coverage import NAMES_KEPT, PlainCoverage
from stgr.apis.evaluation.names import unknown_names
from stgr.apis.evaluation.protocol import Counts, Protocol, Ratio, ScoreGroup, Scores
from stgr.evaluation.functional import Ranking, rank_both_ways, score_ranking
from stgr.evaluation.functional.arrays import FloatArray, IntArray
from stgr.evaluation.functional.retrieval import RECALL_AT, TIE_RULES
from stgr.io.checked_json import read_json
from stgr.io.predictions import Similarities, read_similarities

DIRECTIONS = ('text_to_video', 'video_to_text')
RULES = {
    'chance': 'random similarities',
    'constant': 'the same similarity everywhere: what the tie rule alone is worth',
    'oracle': 'the truth itself',
}


@dataclass(frozen=True)
class DescribedVideo:
    """A candidate and the texts that describe it.

    Args:
        video_id: Name of the video.
        texts: Names of its texts; none: it is a candidate only.
        rows: Places of these texts in the file, which rows without names are ordered by.
    """

    video_id: str
    texts: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class RankedVideo:
    """Where the right answers of one video stand.

    Args:
        texts: Ranking of its texts among the videos.
        video: Ranking of itself among the texts; empty if no text describes it.
    """

    texts: Ranking
    video: Ranking

    def of(self, direction: str) -> Ranking:
        """Return the ranking of one direction."""
        return self.texts if direction == DIRECTIONS[0] else self.video


@dataclass(frozen=True)
class RetrievalProtocol(Protocol):
    """Texts and videos compared all with all: R@1, R@5, R@10, median and mean rank.

    The truth is JSON, ``{"texts": {text: video}, "videos": [more candidates]}``, or CSV with the
    columns ``text`` and ``video``. Units of intervals are videos with their texts, ranks staying as
    they are. A text without similarities ranks behind every wrong candidate, and as a wrong
    candidate before the right ones; a video without any is an error.

    Args:
        ties: Rank among equal similarities: ``'expected'`` (mean over random orders),
            ``'optimistic'``, ``'pessimistic'``, see ``Ranking.ranks``.
    """

    ties: str = 'expected'

    name: ClassVar[str] = 'retrieval'
    summary: ClassVar[str] = 'texts and videos found by each other'
    headline: ClassVar[dict[str, str]] = {
        f'{direction}/{key}': f'{head} {key}'
        for direction, head in zip(DIRECTIONS, ('t2v', 'v2t'), strict=True)
        for key in ('R@1', 'R@5', 'R@10', 'median_rank', 'mean_rank')
    }
    control_rules: ClassVar[Mapping[str, str]] = RULES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice('ties', TIE_RULES)

    def read_truth(self, path: Path) -> list[DescribedVideo]:
        """Read which video each text describes."""
        pairs, more = _read_csv(path) if path.suffix == '.csv' else _read_pairs(path)
        of_video: dict[str, list[int]] = {video: [] for video in [*pairs.values(), *more]}
        for row, video in enumerate(pairs.values()):
            of_video[video].append(row)
        texts = list(pairs)
        return [
            DescribedVideo(video, tuple(texts[row] for row in rows), tuple(rows))
            for video, rows in of_video.items()
        ]

    def read_predictions(self, path: Path) -> list[Similarities]:
        """Read the matrix."""
        if not path.exists():
            raise FileNotFoundError(f'{path}: no such file of similarities')
        return [read_similarities(path)]

    def match(
        self, truths: Sequence[DescribedVideo], predictions: Sequence[Similarities]
    ) -> tuple[list[RankedVideo], PlainCoverage]:
        """Rank all candidates of all queries.

        Raises:
            ValueError: If names are unknown, a video is missing, or the matrix does not fit.
        """
        given = predictions[0]
        videos = [truth.video_id for truth in truths]
        texts = [text for truth in truths for text in truth.texts]
        order = np.asarray([row for truth in truths for row in truth.rows], np.int64)
        rows, unknown_texts = self._find(given, 'texts', texts, order)
        columns, unknown_videos = self._find(given, 'videos', videos, np.arange(len(videos)))
        if (columns < 0).any():
            lacking = [videos[i] for i in np.flatnonzero(columns < 0)]
            raise ValueError(
                f'{given.source}: {len(lacking)} of {len(videos)} videos are no columns of the '
                f'matrix, such as {lacking[0]!r}; fewer candidates would be an easier task'
            )
        missing = [texts[i] for i in np.flatnonzero(rows < 0)]
        if missing and self.missing == 'error':
            raise ValueError(
                f'{given.source}: {len(missing)} of {len(texts)} texts have no similarities, such '
                f'as {missing[0]!r}'
            )
        numbers = _numbers(truths)
        similarity = given.similarity[np.ix_(rows, columns)]
        lost = np.flatnonzero(rows < 0)
        similarity[lost] = np.inf
        similarity[lost, numbers[lost]] = -np.inf
        return _ranked(similarity, truths), PlainCoverage(
            {
                'videos_annotated': len(videos),
                'videos_predicted': len(videos),
                'videos_scored': len(videos),
                'texts_annotated': len(texts),
                'texts_predicted': len(texts) - len(missing),
                'texts_missing': len(missing),
                'texts_dropped': len(unknown_texts),
                'videos_dropped': len(unknown_videos),
                'videos_undescribed': sum(not truth.texts for truth in truths),
                'missing': missing[:NAMES_KEPT],
                'dropped': [*unknown_texts, *unknown_videos][:NAMES_KEPT],
            }
        )

    def _find(
        self, given: Similarities, what: str, wanted: Sequence[str], unnamed: IntArray
    ) -> tuple[IntArray, list[str]]:
        """Return the row or column of each wanted name, -1 for none, and unknown names."""
        names, num = getattr(given, what), given.similarity.shape[what == 'videos']
        if names is None:
            if num != len(wanted):
                raise ValueError(
                    f'{given.source}: similarity has {num} {what}, the ground truth {len(wanted)}; '
                    f'name them in the array {what}'
                )
            return unnamed, []
        known = set(wanted)
        unknown = [name for name in names if name not in known]
        if unknown and self.unknown_videos == 'error':
            raise ValueError(
                f'{given.source}: {unknown_names(what, unknown, known)}; correct them, or drop '
                'them with --unknown-videos drop'
            )
        index = {name: i for i, name in enumerate(names)}
        return np.asarray([index.get(name, -1) for name in wanted], np.int64), unknown

    def controls(self, matched: Sequence[RankedVideo]) -> dict[str, Iterator[RankedVideo]]:
        """Return the rankings of similarities that know nothing, and of those that know all."""
        counts = [len(video.texts.num_above) for video in matched]
        truths = [
            DescribedVideo(str(i), ('',) * count, (0,) * count) for i, count in enumerate(counts)
        ]
        shape = (sum(counts), len(counts))
        right = np.zeros(shape)
        right[np.arange(shape[0]), _numbers(truths)] = 1
        matrices = {
            'chance': np.random.default_rng(self.seed).random(shape),
            'constant': np.zeros(shape),
            'oracle': right,
        }
        return {name: iter(_ranked(matrix, truths)) for name, matrix in matrices.items()}

    def reduce(self, video: RankedVideo) -> RankedVideo:
        """Return the rankings, which are small."""
        return video

    def groups(self) -> list[ScoreGroup]:
        """Return both directions."""
        return [
            ScoreGroup(direction, partial(_score, direction=direction, ties=self.ties))
            for direction in DIRECTIONS
        ]

    def count(self, reduced: RankedVideo) -> Counts:
        """Return hits, ranks and queries of both directions, summed over the video's texts."""
        found: dict[str, float] = {}
        for direction in DIRECTIONS:
            ranking = reduced.of(direction)
            num = len(ranking.num_above)
            found[f'{direction}/queries'] = num
            found[f'{direction}/ranks'] = float(ranking.ranks(self.ties).sum())
            for at in RECALL_AT:
                hits = num * ranking.recall(at, self.ties) if num else 0.0
                found[f'{direction}/R@{at}'] = hits
        return {'every query': found}

    def ratios(self) -> dict[str, Ratio]:
        """Return recalls and mean ranks as ratios of sums."""
        return {
            f'{direction}/{key}': Ratio(f'{direction}/{above}', f'{direction}/queries', 'all')
            for direction in DIRECTIONS
            for key, above in (
                *((f'R@{at}', f'R@{at}') for at in RECALL_AT),
                ('mean_rank', 'ranks'),
            )
        }

    def ranks_of(self, reduced: RankedVideo) -> dict[str, list[float]]:
        """Return the ranks of both directions, for the medians."""
        return {
            f'{direction}/median_rank': reduced.of(direction).ranks(self.ties).tolist()
            for direction in DIRECTIONS
        }


def _score(videos: Sequence[RankedVideo], *, direction: str, ties: str) -> Scores:
    return score_ranking(_joined([video.of(direction) for video in videos]), ties)


def _joined(rankings: Sequence[Ranking]) -> Ranking:
    def join(name: str) -> IntArray:
        none = np.zeros(0, np.int64)
        return np.concatenate([none, *(getattr(ranking, name) for ranking in rankings)])

    return Ranking(join('num_above'), join('num_tied'), join('num_right'))


def _ranked(similarity: FloatArray, truths: Sequence[DescribedVideo]) -> list[RankedVideo]:
    forward, backward, described = rank_both_ways(similarity, _numbers(truths))
    ends = np.cumsum([0, *(len(truth.texts) for truth in truths)])
    places = np.cumsum([0, *described])
    return [
        RankedVideo(
            _part(forward, int(ends[i]), int(ends[i + 1])),
            _part(backward, int(places[i]), int(places[i + 1])),
        )
        for i in range(len(truths))
    ]


def _part(ranking: Ranking, first: int, end: int) -> Ranking:
    rows = slice(first, end)
    return Ranking(ranking.num_above[rows], ranking.num_tied[rows], ranking.num_right[rows])


def _numbers(truths: Sequence[DescribedVideo]) -> IntArray:
    """Return the number of the video of each text."""
    return np.repeat(np.arange(len(truths)), [len(truth.texts) for truth in truths])


def _read_pairs(path: Path) -> tuple[dict[str, str], list[str]]:
    document = read_json(path)
    texts = document['texts']
    if not isinstance(texts.value, dict) or not texts.value:
        raise ValueError(f'{texts.where} must be an object of texts and their videos')
    more = document['videos'].items() if 'videos' in document.value else []
    return {name: texts[name].text() for name in texts.value}, [video.text() for video in more]


def _read_csv(path: Path) -> tuple[dict[str, str], list[str]]:
    pairs: dict[str, str] = {}
    with path.open(encoding='utf-8-sig', newline='') as stream:
        rows = csv.DictReader(stream)
        lacking = [name for name in ('text', 'video') if name not in (rows.fieldnames or ())]
        if lacking:
            raise ValueError(
                f'{path}: expected the columns text and video, but {lacking} is not there'
            )
        for row in rows:
            text, video = row['text'], row['video']
            if not text or not video:
                raise ValueError(f'{path}:{rows.line_num}: a text and a video are needed')
            if text in pairs:
                raise ValueError(f'{path}:{rows.line_num}: text {text!r} was there before')
            pairs[text] = video
    if not pairs:
        raise ValueError(f'{path}: no texts in it')
    return pairs, []
