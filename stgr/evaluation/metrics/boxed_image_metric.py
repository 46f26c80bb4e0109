"""Images with several true boxes as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stgr.evaluation.functional import (
    CONTROLS,
    BoxPlaces,
    HeatPlaces,
    PlaceSettings,
    apply_control,
    compare_with_boxes,
    score_boxed_images,
)
from stgr.evaluation.functional.place_facts import PlaceFacts
from stgr.evaluation.metrics.answers import record_of
from stgr.evaluation.metrics.unit_metric import Unit, UnitMetric
from stgr.registry import METRICS

SYSTEM = 'system'
PLACE_CONTROLS = ('chance', 'centre')
Images = tuple[list[str], PlaceFacts, bool]
ImagesOfUnit = tuple[Unit, dict[str, Images]]


@METRICS.register_module()
class BoxedImageMetric(UnitMetric):
    """Pointing, hit rates and AP where an image has several true boxes (V-HICO, DALY).

    A data sample is one image: ``image_id``, ``class_name``; ``gt_boxes_px`` (n, 4), the human's
    and the object's alike; ``frame_size``, width and height; and the place of its class,
    ``heatmap`` (h, w), or ``point_px`` (2,) with ``box_px`` (4,) and ``score``; none of these is
    "no prediction". Or it is a model's answer to the annotated images of a video: a record (see
    ``record_from_mapping``) with the maps of the true labels, ``gt_heatmaps``, and all true boxes
    of each image, ``region_boxes_px``. Scores: ``score_boxed_images``. No image or answer may come
    twice; ``coverage/`` says what is covered, see ``UnitMetric``.

    Args:
        mask_threshold: Mask = upsampled heat map >= this (0.01: the paper).
        normalisation: Scaling of each map before that, see ``normalise_maps``.
        point_mode: See ``heatmap_points``.
        iou_threshold: Of hits and detections (0.3: the paper).
        controls: Names of ``CONTROLS`` to score beside answers, keys ``control/key``; ``'oracle'``
            is none of them, since no one box is the union of several.
        seed: Of the random control.
        drop_unpredicted: V-HICO's rule: classes without predictions leave the means of AP.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``boxed_image``.
    """

    default_prefix = 'boxed_image'
    unit_noun = 'images or videos'

    def __init__(
        self,
        mask_threshold: float = 0.01,
        *,
        normalisation: str = 'none',
        point_mode: str = 'first',
        iou_threshold: float = 0.3,
        drop_unpredicted: bool = False,
        controls: Sequence[str] = (),
        seed: int = 0,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.places = PlaceSettings(mask_threshold, normalisation, point_mode)
        self.iou_threshold = iou_threshold
        self.drop_unpredicted = drop_unpredicted
        unknown = [name for name in controls if name not in PLACE_CONTROLS]
        if unknown:
            raise ValueError(f'controls must be some of {PLACE_CONTROLS}, but got {unknown}')
        self.controls, self.seed = tuple(controls), seed

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce each image to its class and how its place relates to its boxes.

        Args:
            data_batch: Not used.
            data_samples: Mappings with the keys above.
        """
        del data_batch
        for sample in data_samples:
            if 'region_boxes_px' in sample:
                self.results.append(self._images_of_answer(sample))
                continue
            places = _place_of(sample)
            width, height = sample['frame_size']
            boxes = np.asarray(sample['gt_boxes_px'], np.float64).reshape(-1, 4)
            facts = compare_with_boxes(
                _NO_PLACE if places is None else places,
                [boxes],
                (int(width), int(height)),
                self.places,
            )
            images = ([str(sample['class_name'])], facts, places is not None)
            self.results.append((Unit(str(sample['image_id']), 1, len(boxes)), {SYSTEM: images}))

    def _images_of_answer(self, sample: Mapping[str, Any]) -> ImagesOfUnit:
        """Return every scored image of an answer, and what the controls say of it."""
        found: dict[str, Images] = {}
        record = record_of(sample)
        scored = sample.get('eval_mask', np.ones(len(sample['region_boxes_px']), bool))
        pairs = zip(sample['region_boxes_px'], scored, strict=True)
        boxes = [np.asarray(regions, np.float64) for regions, kept in pairs if kept]
        names = [record.pool[label] for label in record.gt_labels]
        for name in (SYSTEM, *self.controls):
            changed = record
            if name != SYSTEM:
                changed = apply_control(record, CONTROLS[name], seed=self.seed)
            if changed.query_places is None:
                raise KeyError(f'video {record.video_id!r}: an answer needs gt_heatmaps')
            facts = compare_with_boxes(changed.query_places, boxes, record.frame_size, self.places)
            found[name] = (names, facts, True)
        unit = Unit(record.video_id, len(boxes), sum(map(len, boxes)))
        return unit, found

    def compute_metrics(self, results: list[ImagesOfUnit]) -> dict[str, float]:
        """Return the scores of all images.

        Args:
            results: Every sample of every rank with, by system, classes of the images, their facts
                and whether there is a prediction.

        Returns:
            The keys of ``score_boxed_images``, those of controls behind their name;
            ``coverage/key``.

        Raises:
            ValueError: If an image or answer comes twice, see ``cover``.
        """
        found = self.cover([unit for unit, _ in results])
        for system in (SYSTEM, *self.controls):
            mine = [sample[system] for _, sample in results if system in sample]
            scores = self._score(mine) if mine else {}
            start = '' if system == SYSTEM else f'{system}/'
            found |= {f'{start}{key}': value for key, value in scores.items()}
        return found

    def _score(self, results: list[Images]) -> dict[str, float]:
        names = [name for names, _, _ in results for name in names]
        made = [made for names, _, made in results for _ in names]
        number = {name: i for i, name in enumerate(sorted(set(names)))}
        fields = ('hit', 'place_px', 'box_px', 'common_px', 'peak')
        joined = [np.concatenate([getattr(facts, f) for _, facts, _ in results]) for f in fields]
        return score_boxed_images(
            PlaceFacts(*joined),
            np.asarray([number[name] for name in names], np.int64),
            iou_threshold=self.iou_threshold,
            predicted=np.asarray(made, np.bool_),
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
