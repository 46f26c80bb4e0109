"""The videos that the page offers, and what a browser can play of them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from stgr.apis.grounder import find_videos
from stgr.io.errors import VideoError, VideoNotFoundError

VIDEO_ENDINGS = ('.avi', '.flv', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts', '.webm')
PREVIEW_SIDE_PX = 960
PREVIEW_FPS = 25.0
_MP4, _WEBM = 'mov,mp4,m4a,3gp,3g2,mj2', 'matroska,webm'
# What Chromium, Firefox and Safari all play; decoders by FFmpeg's names.
_PLAYED = {_MP4: {'h264'}, _WEBM: {'vp8', 'vp9', 'libvpx', 'libvpx-vp9'}}
_PLAYED_PIXELS = {'yuv420p', 'yuvj420p'}

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


class VideoFolder:
    """The videos of a folder by their names, and no other file.

    Args:
        root: The folder; None offers nothing.

    Raises:
        NotADirectoryError: If there is no such folder.
    """

    def __init__(self, root: str | Path | None) -> None:
        self.root = None if root is None else Path(root).resolve()
        if self.root is not None and not self.root.is_dir():
            raise NotADirectoryError(f'{root} is no folder; give --videos a folder of videos')

    def names(self) -> list[str]:
        """Return the videos' paths below the folder, in order of name; links out are left out."""
        if self.root is None:
            return []
        inside = (file for file in find_videos([self.root]) if self._is_inside(file))
        return [file.relative_to(self.root).as_posix() for file in inside]

    def file(self, name: str) -> Path:
        """Return the file of a name.

        Raises:
            VideoNotFoundError: If the folder has no such video, or the name leads out of it.
        """
        if self.root is not None:
            file = self.root / name
            is_video = file.suffix.lower() in VIDEO_ENDINGS
            if is_video and file.is_file() and self._is_inside(file):
                return file
        raise VideoNotFoundError(f'{name}: no such video in the folder; choose one of the list')

    def _is_inside(self, file: Path) -> bool:
        """Return whether a file lies in the folder once links and dots are followed."""
        return self.root is not None and file.resolve().is_relative_to(self.root)


def plays_in_browsers(video: Path) -> bool:
    """Return whether all common browsers play a file: H.264 in MP4, VP8 or VP9 in WebM.

    A file whose clock starts late is none of them: browsers would show other times than ours.

    Raises:
        VideoError: If it cannot be opened as a video.
    """
    from stgr.io.pyav_tools import clock_start_sec, open_stream

    with open_stream(str(video)) as (container, stream):
        decoder = stream.codec_context
        return (
            decoder.name in _PLAYED.get(container.format.name, ())
            and decoder.pix_fmt in _PLAYED_PIXELS
            and clock_start_sec(container) == 0
        )


def write_preview(video: Path, out_path: Path, *, progress: Progress | None = None) -> Path:
    """Write a copy that browsers play: H.264 and AAC in MP4, with the times of the original.

    Args:
        video: What the browser cannot play.
        out_path: An ``.mp4`` file.
        progress: Wraps the iterator of frames.

    Raises:
        VideoError: If it cannot be read.
    """
    from stgr.io import VideoWriter, open_video
    from stgr.visualization.overlay import fit_size, overlay_times

    with open_video(video) as reader:
        facts = reader.facts()
        fps = min(facts.fps, PREVIEW_FPS) if facts.fps > 0 else PREVIEW_FPS
        size = fit_size(facts.width, facts.height, PREVIEW_SIDE_PX)
        audio_from = video if facts.has_audio else None
        with VideoWriter(out_path, fps, size, audio_from=audio_from) as writer:
            times_sec = overlay_times(reader.timeline.times_sec, facts.duration_sec, PREVIEW_FPS)
            chunks: Iterable[Any] = reader.stream_at(times_sec, size=size, chunk=16)
            if progress is not None:
                chunks = progress(chunks, -(-len(times_sec) // 16))
            for chunk_times, frames in chunks:
                for time_sec, frame in zip(chunk_times, frames, strict=True):
                    writer.write(frame, float(time_sec))
    return out_path


def describe_trouble(error: VideoError, video: Path) -> str:
    """Return why a video cannot be used, with its name in place of its path."""
    return ' '.join(str(error).replace(str(video), video.name).split())
