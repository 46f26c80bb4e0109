"""The single-action protocol as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

from stgr.evaluation.functional import (
    CONTROLS,
    ClipFacts,
    GroundingRecord,
    PlaceSettings,
    TubeSettings,
    apply_control,
    reduce_clip,
    reduce_record,
    score_single_action,
)
from stgr.evaluation.metrics.answers import record_of
from stgr.evaluation.metrics.unit_metric import Unit, UnitMetric
from stgr.registry import METRICS
from stgr.structures import BACKGROUND

ClipsOfUnit = tuple[Unit, dict[str, list[ClipFacts | None]]]


@METRICS.register_module()
class SingleActionMetric(UnitMetric):
    """IoU+Point and video mAP of clips around one step each.

    A data sample is a record (see ``record_from_mapping``; times may be called
    ``frame_times_sec``) with ``clips``: ``(start_sec, end_sec, label)`` of each clip. Scores:
    ``score_single_action``. No record may come twice; ``coverage/`` says what is covered, see
    ``UnitMetric``.

    Args:
        mask_threshold: Mask = upsampled heat map >= this (0.01: the paper).
        normalisation: Scaling of each map before that, see ``normalise_maps``.
        point_mode: See ``heatmap_points``.
        controls: Names of ``CONTROLS`` to score on the same clips, keys ``control/key``.
        seed: Of the random controls.
        video_map: Arguments of ``TubeSettings``; None means the defaults.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``single_action``.
    """

    default_prefix = 'single_action'

    def __init__(
        self,
        mask_threshold: float = 0.01,
        *,
        normalisation: str = 'none',
        point_mode: str = 'first',
        controls: Sequence[str] = (),
        seed: int = 0,
        video_map: Mapping[str, Any] | None = None,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.places = PlaceSettings(mask_threshold, normalisation, point_mode)
        unknown = [name for name in controls if name not in CONTROLS]
        if unknown:
            raise ValueError(f'controls must be some of {tuple(CONTROLS)}, but got {unknown}')
        self.controls, self.seed = tuple(controls), seed
        self.tubes = TubeSettings(**(video_map or {}))

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Reduce each video to the facts of its clips.

        Args:
            data_batch: Not used.
            data_samples: Records with their clips.
        """
        del data_batch
        for sample in data_samples:
            record = record_of(sample)
            found = {'': self._reduce(record, sample['clips'])}
            for name in self.controls:
                changed = apply_control(record, CONTROLS[name], seed=self.seed)
                found[f'{name}/'] = self._reduce(changed, sample['clips'])
            num_boxes = int((record.gt_labels != BACKGROUND).sum())
            self.results.append((Unit(record.video_id, record.num_frames, num_boxes), found))

    def _reduce(
        self, record: GroundingRecord, clips: Sequence[tuple[float, float, str]]
    ) -> list[ClipFacts | None]:
        facts = reduce_record(record, self.places)
        return [reduce_clip(facts, *clip, overlap=self.tubes.overlap) for clip in clips]

    def compute_metrics(self, results: list[ClipsOfUnit]) -> dict[str, float]:
        """Return the scores of all clips.

        Args:
            results: Every video of every rank with the facts of its clips, by system.

        Returns:
            The keys of ``score_single_action``, those of controls behind their name;
            ``coverage/key``.

        Raises:
            ValueError: If a record comes twice, see ``cover``.
        """
        found = self.cover([unit for unit, _ in results])
        for start in ('', *(f'{name}/' for name in self.controls)):
            clips = [clip for _, video in results for clip in video[start]]
            scores = score_single_action(clips, self.tubes)
            found |= {f'{start}{key}': value for key, value in scores.items()}
        return found
