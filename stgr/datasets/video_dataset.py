"""What data sets with one item per video share: names for items, and items by name."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from stgr.datasets.pipeline_dataset import PipelineDataset, Transform


class VideoDataset(PipelineDataset):
    """One item per name of ``video_ids``, run through the pipeline; evaluation only.

    Args:
        pipeline: See ``PipelineDataset``. Evaluation is deterministic: there is no ``rng``.
    """

    def __init__(self, pipeline: Sequence[dict | Transform] = ()) -> None:
        super().__init__(pipeline, test_mode=True)

    @property
    @abstractmethod
    def video_ids(self) -> Sequence[str]:
        """The items, in the order of the files."""

    @abstractmethod
    def video(self, video_id: str) -> dict[str, Any]:
        """Return an item as it is before the pipeline."""

    def __len__(self) -> int:
        return len(self.video_ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.run_pipeline(self.video(self.video_ids[index]), None)
        if item is None:
            raise ValueError(f'a transform could not use video {self.video_ids[index]!r}')
        return item
