"""Transcript alignment as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stgr.evaluation.functional import (
    LengthPrior,
    align_transcript,
    fit_length,
    score_timelines,
    spread_transcript,
)
from stgr.evaluation.functional.alignment import BACKGROUND_SCORE
from stgr.evaluation.metrics.answers import alignment_of
from stgr.evaluation.metrics.unit_metric import Unit, UnitMetric
from stgr.registry import METRICS
from stgr.structures import BACKGROUND

SYSTEM, UNIFORM, NOTHING = 'system', 'uniform_transcript', 'all_background'


@METRICS.register_module()
class AlignmentMetric(UnitMetric):
    """Temporal scores of aligned transcripts (MiningYouTube), trivial predictors beside them.

    A data sample holds ``video_id``; ``log_scores`` (T, C + 1), the last column background (see
    ``append_background``); ``transcript`` (K,), columns of the scores or -1 for background; and
    ``gt_labels`` (T',), likewise; or it is a model's answer to a video of ``MiningYouTube``, whose
    ``similarity`` stands for the scores. Decoding: ``align_transcript``; scores:
    ``score_timelines``. No video may come twice; ``coverage/`` says what is covered, see
    ``UnitMetric``.

    Args:
        background_score: Score of background beside a model's similarities, see
            ``append_background``; 0.5 is the paper's detection threshold.
        block: Frames between possible boundaries.
        max_length: Longest entry in frames, or None.
        mean_length: Mean of a Poisson prior on lengths in frames, or None.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``alignment``.

    Raises:
        ValueError: If a setting is not positive.
    """

    default_prefix = 'alignment'

    def __init__(
        self,
        block: int = 1,
        *,
        max_length: int | None = None,
        mean_length: float | None = None,
        background_score: float | None = BACKGROUND_SCORE,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if block < 1:
            raise ValueError(f'block counts frames and must be >= 1, but got {block}')
        self.block = block
        self.background_score = background_score
        self.prior = LengthPrior(max_length, mean_length)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Align each video's transcript and keep its labels.

        Args:
            data_batch: Not used.
            data_samples: Mappings with the keys above, or answers.
        """
        del data_batch
        for given in data_samples:
            sample = given
            if 'log_scores' not in given:
                sample = alignment_of(given, self.background_score)
            truth = np.asarray(sample['gt_labels'], np.int64)
            transcript = np.asarray(sample['transcript'], np.int64)
            scores = np.asarray(sample['log_scores'], np.float64)[:, transcript]
            entries = align_transcript(scores, block=self.block, prior=self.prior)
            self.results.append(
                {
                    'video_id': str(sample['video_id']),
                    'truth': truth,
                    SYSTEM: fit_length(transcript[entries], len(truth)),
                    UNIFORM: spread_transcript(transcript, len(truth)),
                    NOTHING: np.full(len(truth), BACKGROUND),
                }
            )

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Return the scores of the system and of the trivial predictors.

        Args:
            results: Labels of every video of every rank.

        Returns:
            ``iou``, ``iod``, ``mof``, ``num_videos`` with background as a class (the authors'
            rule) and under ``without_background/`` without it; ``uniform_transcript/`` and
            ``all_background/`` before either for the trivial predictors; ``coverage/key``.

        Raises:
            ValueError: If a video comes twice, see ``cover``.
        """
        found = self.cover([Unit(one['video_id'], len(one['truth'])) for one in results])
        for name in (SYSTEM, UNIFORM, NOTHING):
            timelines = [(result['truth'], result[name]) for result in results]
            start = '' if name == SYSTEM else f'{name}/'
            for background, part in ((True, ''), (False, 'without_background/')):
                scores = score_timelines(timelines, include_background=background)
                found |= {f'{start}{part}{key}': value for key, value in scores.items()}
        return found
