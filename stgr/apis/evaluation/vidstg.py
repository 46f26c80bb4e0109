"""VidSTG: sentences and questions about one object."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stgr.apis.evaluation.query_tubes import BOTH_KINDS, QueryTubesProtocol
from stgr.datasets.vidstg import VidSTG


@dataclass(frozen=True)
class VidSTGProtocol(QueryTubesProtocol):
    """The official file with VidOR's boxes, or TubeDETR's file (see the data set ``VidSTG``).

    Queries are numbered as TubeDETR does: entry by entry, questions before captions, from 0.

    Args:
        vidor: Folder of VidOR's annotations; TubeDETR's file needs none.
    """

    vidor: str | None = None

    name: ClassVar[str] = 'vidstg'
    summary: ClassVar[str] = 'one tube for each sentence and question'
    headline: ClassVar[dict[str, str]] = {
        f'{kind}/{key}': f'{kind[:5]} {head}'
        for kind in BOTH_KINDS
        for key, head in (
            ('tiou', 'm_tIoU'),
            ('viou', 'm_vIoU'),
            ('viou@0.3', 'vIoU@0.3'),
            ('viou@0.5', 'vIoU@0.5'),
        )
    }
    kinds: ClassVar[tuple[str, ...]] = BOTH_KINDS

    def dataset(self, path: Path) -> VidSTG:
        """Return the data set of a file."""
        return VidSTG(
            '.',
            str(path),
            vidor=self.vidor,
            sample_fps=self.sample_fps,
            max_frames=self.max_frames,
        )

    def truth_files(self, path: Path) -> list[Path]:
        """Return the sentences and the files of boxes."""
        boxes = [] if self.vidor is None else sorted(Path(self.vidor).rglob('*.json'))
        return [path, *boxes]
