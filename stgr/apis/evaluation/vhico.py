"""V-HICO: where a human handles an object, on single frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stgr.apis.evaluation.known_action import KnownActionProtocol, truths_of_frames
from stgr.apis.evaluation.truth import VideoTruth
from stgr.datasets.vhico import VHICO


@dataclass(frozen=True)
class VHICOProtocol(KnownActionProtocol):
    """The phrase task: truth is the union of human and object (see the data set ``VHICO``).

    A video is called ``<action>/<video>``; the prediction of frame n has second ``n / fps``.

    Args:
        split: ``'test'`` or ``'unseen'``, whose labels are spelt differently.
        fps: Frames per second that images are counted by.
    """

    split: str = 'test'
    fps: float = 30.0

    name: ClassVar[str] = 'vhico'
    summary: ClassVar[str] = 'where humans handle objects (gt_bbox_test.json, a pickle)'
    near_sec: ClassVar[float] = 0.02  # half a frame and a bit of rounding: images stand alone

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.fps, str):
            raise ValueError(f'fps must be a number, but is {self.fps!r}')

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read the boxes."""
        return truths_of_frames(VHICO('.', self.split, boxes=str(path), fps=self.fps))

    def normalise_label(self, label: str) -> str:
        """Return the label in lower case, as the truth has it."""
        return label.lower()
