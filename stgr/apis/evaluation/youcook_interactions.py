"""YouCook-Interactions: where the action that a sentence names is seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stgr.apis.evaluation.known_action import BoxedTruth, KnownActionProtocol
from stgr.apis.evaluation.truth import VideoTruth
from stgr.datasets.grounding_youtube_files import read_sizes
from stgr.datasets.youcook_interactions import YouCookInteractions
from stgr.evaluation.functional.compat import youcook_script_size

BOXES = 'final_dataset_annotations.pkl'
SEGMENTS, SENTENCES = 'final_dataset_segments.pkl', 'youcookii_annotations_trainval.json'
SCRIPT_SIZE = (640, 360)


@dataclass(frozen=True)
class YouCookInteractionsProtocol(KnownActionProtocol):
    """Boxes of the released pickle (see the data set ``YouCookInteractions``).

    Predictions are of times of the video; the released loader shows the frame one second before
    the annotated second, so that second s takes the prediction at ``s - 1``.

    Args:
        segments: None: ``final_dataset_segments.pkl`` beside the boxes.
        sentences: None: ``youcookii_annotations_trainval.json`` beside the boxes.
        sizes: JSON file ``{video_id: [W, H]}`` of the videos as uploaded; None: 640 x 360, and a
            guess for the seven videos annotated at their own size.
        shared_seconds: A second that two segments share is scored ``'once'``, or for each of them
            (``'each'``, as the released scripts do: 2,496 frames, not 2,488).
        frame: ``'annotated'``: the frame that the boxes were drawn in; ``'script'``: what the
            released scripts take for it, width and height cut to 640 x 360 each on its own
            (640 x 360 where no size is known), for comparison only.
    """

    second_offset: float = -1.0
    segments: str | None = None
    sentences: str | None = None
    sizes: str | None = None
    shared_seconds: str = 'once'
    frame: str = 'annotated'

    name: ClassVar[str] = 'youcook_interactions'
    summary: ClassVar[str] = 'where a sentence is acted out, one box per second'

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice('shared_seconds', ('once', 'each'))
        self.check_choice('frame', ('annotated', 'script'))

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read boxes, segments and sentences."""
        boxes, segments, sentences, sizes = self._files(path)
        dataset = YouCookInteractions(
            '.',
            str(boxes),
            str(segments),
            sentences=str(sentences),
            sizes=None if sizes is None else str(sizes),
            videos_dir=None,
            second_offset=0,  # the protocol's own is added when predictions are looked up
        )
        native = {} if sizes is None or self.frame != 'script' else read_sizes(sizes)
        return [self._truth(dataset[index], native) for index in range(len(dataset))]

    def truth_files(self, path: Path) -> list[Path]:
        """Return boxes, segments, sentences and sizes."""
        return [file for file in self._files(path) if file is not None]

    def _files(self, path: Path) -> tuple[Path, Path, Path, Path | None]:
        boxes = path / BOXES if path.is_dir() else path
        segments = Path(self.segments) if self.segments else boxes.parent / SEGMENTS
        sentences = Path(self.sentences) if self.sentences else boxes.parent / SENTENCES
        return boxes, segments, sentences, Path(self.sizes) if self.sizes else None

    def normalise_label(self, label: str) -> str:
        """Return the sentence without outer blanks, as the truth has it."""
        return label.strip()

    def _truth(self, item: Mapping[str, Any], native: Mapping[str, tuple[int, int]]) -> BoxedTruth:
        boxes = np.asarray(item['boxes_px'], np.float64)
        size, labels = item['frame_size'], np.asarray(item['gt_labels'], np.int64)
        if self.frame == 'script':
            size = youcook_script_size(native.get(item['video_id'], SCRIPT_SIZE))
        rows = np.arange(len(labels))
        if self.shared_seconds == 'each':
            rows = np.asarray(item['evaluations'], np.int64)[:, 0]
        return BoxedTruth(
            video_id=item['video_id'],
            pool=tuple(item['pool']),
            times_sec=np.asarray(item['seconds'], np.float64),
            labels=labels,
            boxes_px=boxes,
            frame_size=size,
            length_is_known=False,
            regions_px=tuple(boxes[:, None]),
            rows=rows,
        )
