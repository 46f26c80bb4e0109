"""The scores of VidSTG and HC-STVG as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stgr.evaluation.functional import QueryTube, score_query_tubes
from stgr.evaluation.metrics.answers import query_tube_of
from stgr.evaluation.metrics.unit_metric import Unit, UnitMetric
from stgr.registry import LOCALIZERS, METRICS


@METRICS.register_module()
class QueryTubeMetric(UnitMetric):
    """tIoU, vIoU, sIoU and vIoU@R of one tube per sentence.

    A data sample holds the fields of ``QueryTube``: ``query_id``, ``frames``, ``pred_span``,
    ``true_span``, ``pred_boxes_px``, ``true_boxes_px`` and, where there are kinds of sentences,
    ``group``; other keys are ignored. Or it is a model's answer to a sentence of ``VidSTG`` or
    ``HCSTVG``, see ``query_tube_of``. Scores: ``score_query_tubes``. No sentence may
    come twice; ``coverage/`` says what is covered, see ``UnitMetric``. Sentences that are scored
    on an added frame, or have no true box (see ``TubeQueries``), are counted.

    Args:
        localizer: Config of a localizer of ``LOCALIZERS`` that makes boxes of heat maps; None:
            samples bring their boxes.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``query_tube``.
    """

    default_prefix = 'query_tube'
    unit_noun = 'queries'

    def __init__(
        self,
        localizer: Mapping[str, Any] | None = None,
        *,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.localizer = None if localizer is None else LOCALIZERS.build(dict(localizer))

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Check and keep each sentence's tubes.

        Args:
            data_batch: Not used.
            data_samples: Mappings with the keys above.
        """
        del data_batch
        for sample in data_samples:
            if 'pred_span' not in sample:
                tube = self._tube_of_answer(sample)
            else:
                tube = QueryTube(
                    query_id=str(sample['query_id']),
                    frames=np.asarray(sample['frames'], np.int64),
                    pred_span=(float(sample['pred_span'][0]), float(sample['pred_span'][1])),
                    true_span=(float(sample['true_span'][0]), float(sample['true_span'][1])),
                    pred_boxes_px=np.asarray(sample['pred_boxes_px'], np.float64),
                    true_boxes_px=np.asarray(sample['true_boxes_px'], np.float64),
                    group=sample.get('group'),
                )
            self.results.append(
                (tube, bool(sample.get('between_samples')), sample.get('has_box') is False)
            )

    def _tube_of_answer(self, sample: Mapping[str, Any]) -> QueryTube:
        if self.localizer is None:
            raise ValueError(
                'to score a model, QueryTubeMetric needs a localizer that makes boxes of its heat '
                'maps, such as localizer=dict(type=HeatMapSpatialLocalizer)'
            )
        return query_tube_of(sample, self.localizer)

    def compute_metrics(self, results: list[tuple[QueryTube, bool, bool]]) -> dict[str, float]:
        """Return the scores of all sentences.

        Args:
            results: Tubes of every sentence of every rank, whether its frame was added, and whether
                it has no box.

        Returns:
            The keys of ``score_query_tubes``; ``coverage/key``; ``num_between_samples`` and
            ``num_without_box``, sentences.

        Raises:
            ValueError: If a sentence comes twice, see ``cover``.
        """
        tubes = [tube for tube, _, _ in results]
        covered = self.cover([Unit(tube.query_id, len(tube.frames)) for tube in tubes])
        covered['num_between_samples'] = float(sum(added for _, added, _ in results))
        covered['num_without_box'] = float(sum(boxless for _, _, boxless in results))
        return score_query_tubes(tubes) | covered
