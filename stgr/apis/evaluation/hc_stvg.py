"""HC-STVG: sentences about one person among several."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stgr.apis.evaluation.query_tubes import QueryTubesProtocol
from stgr.datasets.hcstvg import HCSTVG


@dataclass(frozen=True)
class HCSTVGProtocol(QueryTubesProtocol):
    """Either version's file, or TubeDETR's (see the data set ``HCSTVG``).

    A video has one sentence: an answer may name the video (without ``.mp4``) alone.

    Args:
        first_frame: Number that the annotation gives to the first frame: 1, or 0 as TubeDETR
            takes it, one frame late.
    """

    first_frame: int = 1

    name: ClassVar[str] = 'hc_stvg'
    summary: ClassVar[str] = 'one tube for the one sentence of a video'

    def dataset(self, path: Path) -> HCSTVG:
        """Return the data set of a file."""
        return HCSTVG(
            '.',
            str(path),
            first_frame=self.first_frame,
            sample_fps=self.sample_fps,
            max_frames=self.max_frames,
        )
