"""Readers of VidSTG: its sentences, and the trajectories of VidOR that they speak of."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from stgr.datasets.near_names import near_names
from stgr.datasets.tube_queries import TubeQuery, corners_from_sides
from stgr.io.checked_json import JsonNode, read_json

Trajectory = dict[int, tuple[float, float, float, float]]


class Trajectories(Protocol):
    """Where the boxes of a target are found."""

    def of(self, video_id: str, target: str) -> Trajectory:
        """Return the box of each frame that has one: ``x1, y1, x2, y2`` in pixels."""


class VidorTrajectories:
    """Trajectories in the files of VidOR, one per video, read when needed.

    Queries of a video stand side by side, so only the last file is kept.

    Args:
        folder: Holds ``<video_id>.json``, at any depth:
            ``{"trajectories": [[{tid, bbox: {xmin, ymin, xmax, ymax}}]]}``, one list per frame.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: tuple[str, dict[str, Trajectory]] = ('', {})

    @cached_property
    def files(self) -> dict[str, Path]:
        """File of each video."""
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f'{self.folder}: no such folder of VidOR annotations; the boxes of VidSTG are there'
            )
        return {file.stem: file for file in sorted(self.folder.rglob('*.json'))}

    def of(self, video_id: str, target: str) -> Trajectory:
        """Return the box of each frame that has one.

        Raises:
            FileNotFoundError: If there is no file of the video.
            ValueError: If it is malformed or has no such target.
        """
        if self._last[0] != video_id:
            if video_id not in self.files:
                raise FileNotFoundError(
                    f'{self.folder} has no {video_id}.json; {near_names(video_id, self.files)}'
                )
            self._last = (video_id, _vidor(read_json(self.files[video_id])))
        return _target(self._last[1], target, str(self.files[video_id]))


class StoredTrajectories:
    """Trajectories in TubeDETR's file, ``{video: {target: {frame: {bbox: [x, y, w, h]}}}}``.

    Args:
        document: The part of the file called ``trajectories``.
    """

    def __init__(self, document: JsonNode) -> None:
        self.document = document

    def of(self, video_id: str, target: str) -> Trajectory:
        """Return the box of each frame that has one.

        Raises:
            ValueError: If they are malformed, or there is no such target.
        """
        video = self.document[video_id]
        _target(video.value, target, video.where)
        frames = video[target]
        trajectory = {}
        for frame in frames.value:
            box = frames[frame]['bbox'].array('float64')
            if box.shape != (4,) or not frame.isdecimal():
                raise ValueError(f'{frames[frame].where} must be the 4 numbers of a frame')
            x1, y1, x2, y2 = corners_from_sides(box[None])[0].tolist()
            trajectory[int(frame)] = (x1, y1, x2, y2)
        return trajectory


def read_vidstg(path: Path, vidor: Path | None) -> tuple[list[TubeQuery], Trajectories]:
    """Read the queries of a split, and say where their boxes are.

    Args:
        path: The official ``<split>_annotations.json``, a list with ``used_segment``,
            ``temporal_gt``, ``captions`` and ``questions``, or TubeDETR's ``<split>.json`` with
            ``videos`` and ``trajectories``. Queries are numbered as TubeDETR does, the questions
            of an entry before its captions.
        vidor: Folder of VidOR's annotations; the official file needs it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not follow a format, or the folder is missing.
    """
    document = read_json(path)
    if isinstance(document.value, dict):
        queries = [
            _stored_query(number, entry) for number, entry in enumerate(document['videos'].items())
        ]
        return queries, StoredTrajectories(document['trajectories'])
    if vidor is None:
        raise ValueError(f'{path} has no boxes; give the folder of VidOR annotations as vidor=...')
    queries = []
    for entry in document.items():
        for kind, key in (('interrogative', 'questions'), ('declarative', 'captions')):
            for sentence in entry[key].items():
                queries.append(_official_query(len(queries), entry, sentence, kind))
    return queries, VidorTrajectories(vidor)


def boxes_of_tube(
    trajectory: Trajectory, tube_frames: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of a tube of N frames, (N, 4) float32, and which are known, (N,) bool."""
    frames = range(*tube_frames)
    known = np.array([frame in trajectory for frame in frames], dtype=bool)
    nothing = (0.0, 0.0, 0.0, 0.0)
    boxes_px = np.array([trajectory.get(frame, nothing) for frame in frames], dtype=np.float32)
    return boxes_px, known


def _official_query(number: int, entry: JsonNode, sentence: JsonNode, kind: str) -> TubeQuery:
    tube, clip = entry['temporal_gt'], entry['used_segment']
    return _query(
        entry,
        query_id=str(number),
        video_id=entry['vid'].text(),
        sentence=sentence['description'].text(),
        kind=kind,
        tube_frames=(tube['begin_fid'].integer(), tube['end_fid'].integer()),
        clip_frames=(clip['begin_fid'].integer(), clip['end_fid'].integer()),
        target=str(sentence['target_id'].integer()),
    )


def _stored_query(number: int, entry: JsonNode) -> TubeQuery:
    return _query(
        entry,
        query_id=str(number),
        video_id=entry['original_video_id'].text(),
        sentence=entry['caption'].text(),
        kind=entry['qtype'].text(),
        tube_frames=(entry['tube_start_frame'].integer(), entry['tube_end_frame'].integer()),
        clip_frames=(entry['start_frame'].integer(), entry['end_frame'].integer()),
        target=str(entry['target_id'].integer()),
    )


def _query(
    entry: JsonNode,
    *,
    query_id: str,
    video_id: str,
    sentence: str,
    kind: str,
    tube_frames: tuple[int, int],
    clip_frames: tuple[int, int],
    target: str,
) -> TubeQuery:
    try:
        return TubeQuery(
            query_id=query_id,
            video_id=video_id,
            sentence=sentence,
            kind=kind,
            tube_frames=tube_frames,
            clip_frames=clip_frames,
            fps=entry['fps'].number(),
            frame_size=(entry['width'].integer(), entry['height'].integer()),
            target=target,
        )
    except ValueError as error:
        raise ValueError(f'{entry.where}: {error}') from error


def _vidor(document: JsonNode) -> dict[str, Trajectory]:
    trajectories: dict[str, Trajectory] = {}
    for frame, boxes in enumerate(document['trajectories'].items()):
        for entry in boxes.items():
            target = str(entry['tid'].integer())
            x1, y1, x2, y2 = (
                entry['bbox'][side].number() for side in ('xmin', 'ymin', 'xmax', 'ymax')
            )
            trajectories.setdefault(target, {})[frame] = (x1, y1, x2, y2)
    return trajectories


def _target(known: Mapping[str, object], target: str, where: str) -> Trajectory:
    if target not in known:
        raise ValueError(
            f'{where} has no trajectory of target {target}; {near_names(target, known)}'
        )
    return known[target]  # type: ignore[return-value]
