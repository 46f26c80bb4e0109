"""VidSTG: sentences and questions about one object of a video."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from stgr.datasets.pipeline_dataset import Transform
from stgr.datasets.tube_queries import KINDS, TubeQueries, TubeQuery
from stgr.datasets.vidstg_files import Trajectories, boxes_of_tube, read_vidstg
from stgr.registry import DATASETS


@DATASETS.register_module()
class VidSTG(TubeQueries):
    """One item per sentence or question; see ``TubeQueries`` for its keys.

    The clip is the ``used_segment``, the tube the ``temporal_gt``; both ends are read as half-open,
    as TubeDETR does.

    Args:
        data_root: Folder that the other paths are relative to.
        annotations: Official or TubeDETR's file, see ``read_vidstg``.
        vidor: Folder of VidOR's annotations, which hold the boxes; TubeDETR's file has them itself.
        videos_dir: Folder of the videos; None: without.
        kinds: ``'declarative'``, ``'interrogative'`` or both.
        sample_fps: See ``TubeQueries``.
        max_frames: See ``TubeQueries``.
        pipeline: See ``PipelineDataset``.

    Raises:
        FileNotFoundError: If an annotation or a video is missing (on first use).
        ValueError: If the files are malformed or disagree; the field is named.
    """

    def __init__(
        self,
        data_root: str,
        annotations: str = 'test_annotations.json',
        *,
        vidor: str | None = 'vidor',
        videos_dir: str | None = None,
        kinds: Sequence[str] = KINDS,
        sample_fps: float | None = 5.0,
        max_frames: int | None = 200,
        pipeline: Sequence[dict | Transform] = (),
    ) -> None:
        root = Path(data_root)
        super().__init__(
            None if videos_dir is None else root / videos_dir,
            sample_fps=sample_fps,
            max_frames=max_frames,
            kinds=kinds,
            pipeline=pipeline,
        )
        self.file = root / annotations
        self.vidor = None if vidor is None else root / vidor

    @cached_property
    def _read(self) -> tuple[list[TubeQuery], Trajectories]:
        return read_vidstg(self.file, self.vidor)

    def read_queries(self) -> list[TubeQuery]:
        """Read the file."""
        return self._read[0]

    def read_tube(self, query: TubeQuery) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes of the target in the frames of the tube."""
        trajectory = self._read[1].of(query.video_id, query.target)
        return boxes_of_tube(trajectory, query.tube_frames)
