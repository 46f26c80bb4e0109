"""The scores of VidSTG and HC-STVG as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from stgr.evaluation.functional import QueryTube, score_query_tubes
from stgr.registry import METRICS


@METRICS.register_module()
class QueryTubeMetric(BaseMetric):
    """tIoU, vIoU, sIoU and vIoU@R of one tube per sentence.

    A data sample holds the fields of ``QueryTube``: ``query_id``, ``frames``, ``pred_span``,
    ``true_span``, ``pred_boxes_px``, ``true_boxes_px`` and, where there are kinds of sentences,
    ``group``; other keys are ignored. Scores: ``score_query_tubes``.
    """

    default_prefix = 'query_tube'

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Check and keep each sentence's tubes.

        Args:
            data_batch: Not used.
            data_samples: Mappings with the keys above.
        """
        del data_batch
        for sample in data_samples:
            self.results.append(
                QueryTube(
                    query_id=str(sample['query_id']),
                    frames=np.asarray(sample['frames'], np.int64),
                    pred_span=(float(sample['pred_span'][0]), float(sample['pred_span'][1])),
                    true_span=(float(sample['true_span'][0]), float(sample['true_span'][1])),
                    pred_boxes_px=np.asarray(sample['pred_boxes_px'], np.float64),
                    true_boxes_px=np.asarray(sample['true_boxes_px'], np.float64),
                    group=sample.get('group'),
                )
            )

    def compute_metrics(self, results: list[QueryTube]) -> dict[str, float]:
        """Return the scores of all sentences.

        Args:
            results: Tubes of every sentence of every rank.

        Returns:
            The keys of ``score_query_tubes``.
        """
        return score_query_tubes(results)
