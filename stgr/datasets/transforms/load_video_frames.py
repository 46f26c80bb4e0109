"""Decode the frames of a clip."""

from typing import Any, ClassVar

from stgr.datasets.transforms.clip_transform import ClipTransform
from stgr.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadVideoFrames(ClipTransform):
    """Adds the frames shown at the candidate times, ``frames`` (U, H, W, 3) uint8 RGB.

    Masked times were clamped to the video, so they repeat its first or last frame.

    Args:
        reader: Registered name of the video reader.
        size: Width and height to resize to, squashing the frame; None: as large as the video.
    """

    required_keys: ClassVar[tuple[str, ...]] = ('video_path', 'frame_times_sec')
    added_keys: ClassVar[tuple[str, ...]] = ('frames',)

    def __init__(self, reader: str = 'pyav', *, size: tuple[int, int] | None = None) -> None:
        self.reader = reader
        self.size = size

    def apply(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return the frames.

        Raises:
            VideoError: If the video cannot be read.
            ValueError: If the data set has no videos.
        """
        from stgr.io import open_video

        if results['video_path'] is None:
            raise ValueError(
                'LoadVideoFrames needs videos, but the data set has none (videos_dir=None); set '
                'videos_dir or use LoadFeatures'
            )
        with open_video(results['video_path'], reader=self.reader) as video:
            return {'frames': video.read_at(results['frame_times_sec'], size=self.size)}
