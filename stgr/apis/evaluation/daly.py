"""DALY: where a daily action is done, on key frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stgr.apis.evaluation.known_action import KnownActionProtocol, truths_of_frames
from stgr.apis.evaluation.truth import VideoTruth
from stgr.datasets.daly import DALY


@dataclass(frozen=True)
class DALYProtocol(KnownActionProtocol):
    """Key frames with the boxes of all who act (see the data set ``DALY``).

    A video is called ``<video>/<action>``; the prediction of a key frame has its annotated time.

    Args:
        split: ``'test'``, ``'train'`` or ``'all'``.
        regions: ``'human'``, or ``'human_object'``: the objects used too.
        sizes: JSON file ``{video_id: [W, H]}``; the boxes are shares of the frame.
        frame_size: ``'WxH'`` of all videos, such as ``'640x480'``; this or ``sizes`` is needed.
    """

    split: str = 'test'
    regions: str = 'human'
    sizes: str | None = None
    frame_size: str | None = None

    name: ClassVar[str] = 'daly'
    summary: ClassVar[str] = 'where ten daily actions are done (daly1.1.0.pkl)'
    near_sec: ClassVar[float] = 0.02  # half a frame at 25 per second: key frames stand alone

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self._size

    @property
    def _size(self) -> tuple[int, int] | None:
        if self.frame_size is None:
            return None
        width, _, height = self.frame_size.partition('x')
        if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
            raise ValueError(f'frame_size must be WxH, such as 640x480, but is {self.frame_size!r}')
        return int(width), int(height)

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read the key frames."""
        if self.sizes is None and self._size is None:
            raise ValueError(
                'the boxes of DALY are shares of the frame: give --sizes FILE or --frame-size WxH'
            )
        dataset = DALY(
            '.',
            self.split,
            annotations=str(path),
            regions=self.regions,
            sizes=self.sizes,
            frame_size=self._size,
        )
        return truths_of_frames(dataset)

    def truth_files(self, path: Path) -> list[Path]:
        """Return annotations and sizes."""
        return [path] if self.sizes is None else [path, Path(self.sizes)]
