"""Images with several true boxes as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from stgr.evaluation.functional import (
    BoxPlaces,
    HeatPlaces,
    PlaceSettings,
    compare_with_boxes,
    score_boxed_images,
)
from stgr.evaluation.functional.place_facts import PlaceFacts
from stgr.registry import METRICS


@METRICS.register_module()
class BoxedImageMetric(BaseMetric):
    """Pointing, hit rates and AP where an image has several true boxes (V-HICO, DALY).

    A data sample is one image: ``class_name``; ``gt_boxes_px`` (n, 4), the human's and the
    object's alike; ``frame_size``, width and height; and the place of its class, ``heatmap``
    (h, w), or ``point_px`` (2,) with ``box_px`` (4,) and ``score``; none of these is "no
    prediction". Scores: ``score_boxed_images``.

    Args:
        mask_threshold: Mask = upsampled heat map >= this (0.01: the paper).
        normalisation: Scaling of each map before that, see ``normalise_maps``.
        point_mode: See ``heatmap_points``.
        iou_threshold: Of hits and detections (0.3: the paper).
        drop_unpredicted: V-HICO's rule: classes without predictions leave the means of AP.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``boxed_image``.
    """

    default_prefix = 'boxed_image'

    def __init__(
        self,
        mask_threshold: float = 0.01,
        *,
        normalisation: str = 'none',
        point_mode: str = 'first',
        iou_threshold: float = 0.3,
        drop_unpredicted: bool = False,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.places = PlaceSettings(mask_threshold, normalisation, point_mode)
        self.iou_threshold = iou_threshold
        self.drop_unpredicted = drop_unpredicted

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce each image to its class and how its place relates to its boxes.

        Args:
            data_batch: Not used.
            data_samples: Mappings with the keys above.
        """
        del data_batch
        for sample in data_samples:
            places = _place_of(sample)
            width, height = sample['frame_size']
            boxes = np.asarray(sample['gt_boxes_px'], np.float64).reshape(-1, 4)
            facts = compare_with_boxes(
                _NO_PLACE if places is None else places,
                [boxes],
                (int(width), int(height)),
                self.places,
            )
            self.results.append((str(sample['class_name']), facts, places is not None))

    def compute_metrics(self, results: list[tuple[str, PlaceFacts, bool]]) -> dict[str, float]:
        """Return the scores of all images.

        Args:
            results: Class, facts and whether there is a prediction, of every image of every rank.

        Returns:
            The keys of ``score_boxed_images``.
        """
        number = {name: i for i, name in enumerate(sorted({name for name, _, _ in results}))}
        names = ('hit', 'place_px', 'box_px', 'common_px', 'peak')
        joined = [np.concatenate([getattr(facts, n) for _, facts, _ in results]) for n in names]
        return score_boxed_images(
            PlaceFacts(*joined),
            np.asarray([number[name] for name, _, _ in results]),
            iou_threshold=self.iou_threshold,
            predicted=np.asarray([made for _, _, made in results]),
            drop_unpredicted=self.drop_unpredicted,
        )


_NO_PLACE = BoxPlaces(np.full((1, 2), -1.0), np.zeros((1, 4)))


def _place_of(sample: Mapping[str, Any]) -> HeatPlaces | BoxPlaces | None:
    """Return the one place of an image, or None."""
    if sample.get('heatmap') is not None:
        return HeatPlaces(np.asarray(sample['heatmap'], np.float64)[None])
    if sample.get('box_px') is None and sample.get('point_px') is None:
        return None
    missing = [key for key in ('point_px', 'box_px', 'score') if sample.get(key) is None]
    if missing:
        raise KeyError(f'an image with a box lacks {missing}; it has {sorted(sample)}')
    point, box = (np.asarray(sample[key], np.float64)[None] for key in ('point_px', 'box_px'))
    return BoxPlaces(point, box, np.asarray([sample['score']], np.float64))
