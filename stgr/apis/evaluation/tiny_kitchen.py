"""TinyKitchen: the scores of GroundingYouTube on the generated world."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stgr.apis.evaluation.grounding_youtube import GroundingYouTubeProtocol
from stgr.apis.evaluation.truth import VideoTruth

BOXES = 'box_anno.json'


@dataclass(frozen=True)
class TinyKitchenProtocol(GroundingYouTubeProtocol):
    """A split of ``stgr make-tiny-kitchen``; the ground truth is its folder, or its box file."""

    name: ClassVar[str] = 'tiny_kitchen'
    summary: ClassVar[str] = 'a split folder of the generated TinyKitchen'

    def read_truth(self, path: Path) -> list[VideoTruth]:
        """Read a split."""
        return super().read_truth(_box_file(path))

    def truth_files(self, path: Path) -> list[Path]:
        """Return the files of the split."""
        return super().truth_files(_box_file(path))


def _box_file(path: Path) -> Path:
    return path / BOXES if path.is_dir() else path
