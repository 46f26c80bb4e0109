"""All formats by name."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from stgr.io.formats import (
    activitynet,
    coco_video,
    csv_table,
    cvat,
    edl,
    fiftyone,
    label_studio,
    otio,
    own_json,
    subtitles,
    via,
    vidstg,
)
from stgr.io.formats.known_videos import KnownVideos
from stgr.structures.video_answers import VideoAnswers

Writer: TypeAlias = Callable[[Sequence[VideoAnswers], KnownVideos], bytes | Mapping[str, bytes]]
Reader: TypeAlias = Callable[[Path, KnownVideos], list[VideoAnswers]]


@dataclass(frozen=True)
class Format:
    """How the answers of videos are written for another tool, and read back.

    Args:
        name: What it is called on the command line.
        suffix: Ending of its files; empty: a folder.
        write: Makes the content of a file, or of the files of a folder by relative name.
        read: Reads a file, or a folder.
        many: Whether one file holds several videos.
        holds_boxes: Whether it says where.
        holds_not_found: Whether it says what does not happen.
    """

    name: str
    suffix: str
    write: Writer
    read: Reader
    many: bool = True
    holds_boxes: bool = True
    holds_not_found: bool = True


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format('csv', '.csv', csv_table.write, csv_table.read, holds_boxes=False),
        Format('json', '.json', own_json.write, own_json.read),
        Format('activitynet', '.json', activitynet.write, activitynet.read, holds_boxes=False),
        Format('coco-video', '.json', coco_video.write, coco_video.read),
        Format('vidstg', '.json', vidstg.write, vidstg.read, holds_not_found=False),
        Format('label-studio', '.json', label_studio.write, label_studio.read),
        Format('cvat', '.xml', cvat.write, cvat.read, many=False),
        Format('via', '.json', via.write, via.read),
        Format('fiftyone', '', fiftyone.write, fiftyone.read),
        Format(
            'srt', '.srt', subtitles.write_srt, subtitles.read_srt,
            many=False, holds_boxes=False, holds_not_found=False,
        ),
        Format(
            'vtt', '.vtt', subtitles.write_vtt, subtitles.read_vtt, many=False, holds_boxes=False
        ),
        Format('edl', '.edl', edl.write, edl.read, many=False, holds_boxes=False),
        Format('otio', '.otio', otio.write, otio.read, holds_boxes=False),
    )
}  # fmt: skip


def find_format(name: str) -> Format:
    """Return the format called ``name``.

    Raises:
        ValueError: If there is none; near names are given, and all of them.
    """
    if name not in FORMATS:
        near = difflib.get_close_matches(name, FORMATS, n=2)
        hint = f'did you mean {" or ".join(near)}? ' if near else ''
        raise ValueError(f'no format {name!r}; {hint}there are {", ".join(FORMATS)}')
    return FORMATS[name]
