"""From the clicks of several annotators to the files of GroundingYouTube."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stgr.annotation.agreement import click_distances, click_spreads, fleiss_kappa
from stgr.annotation.answers import annotators, current_answers, read_history
from stgr.annotation.benchmark_files import (
    BenchmarkVideo,
    BoxedFrame,
    MeanClick,
    NamedSegment,
    write_benchmark,
)
from stgr.annotation.click_boxes import BOX_RULES, FloatArray
from stgr.annotation.presence import (
    OPEN,
    POINT,
    STATUSES,
    BoolArray,
    IntArray,
    majority,
    presence_runs,
    refine_bounds,
    vote_corrupt,
    vote_presence,
)
from stgr.annotation.work import Step, WorkVideo, read_work


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What came out of a merge.

    Args:
        annotators: Who answered.
        quorums: Clicks that make an action present, by video.
        num_frames: Frames asked for, over all videos and steps.
        num_unfinished: Frames that not every annotator of their video has answered.
        num_present: Frames where the action is present.
        num_corrupt: Frames that a quorum calls corrupt; they have no box.
        num_boxes: Boxes written, one per second of a video at most: ``num_present`` less the frames
            whose second went to another step.
        mean_distance_px: Mean distance of two annotators' clicks on a frame; NaN without a pair.
        presence_kappa: Fleiss' kappa of click or no click over the frames that everyone of their
            video has answered; NaN where it is not defined (fewer than two annotators, not as many
            for every video, or one answer only).
    """

    annotators: tuple[str, ...]
    quorums: dict[str, int]
    num_frames: int
    num_unfinished: int
    num_present: int
    num_corrupt: int
    num_boxes: int
    mean_distance_px: float
    presence_kappa: float


@dataclass(frozen=True, slots=True)
class _StepVotes:
    """Votes (n, A) and clicks (n, A, 2), in pixels of the boxes' frame, on seconds (n,).

    A: the annotators who answered anything of the video.
    """

    step: Step
    seconds: IntArray
    votes: IntArray
    clicks_px: FloatArray


def merge_annotations(
    folder: Path,
    *,
    box_rule: str = 'paper',
    quorum: int | None = None,
    frame_size: tuple[int, int] | None = None,
) -> MergeReport:
    """Write the files of GroundingYouTube from all annotators' clicks, beside the clicks.

    A frame's action is present if a majority of its video's annotators clicked (those who answered
    anything of the video: several teams may share the videos); its box is the union of all
    clicks and a margin. When steps share a second, the one with more clicks keeps it, of equal ones
    the earlier in the file (the released files pick one silently). A step is refined to its first
    and last second with a box; an action that was looked for everywhere becomes one segment per
    unbroken run of such seconds.

    Args:
        folder: Where ``work.json`` and the clicks are.
        box_rule: ``'paper'`` or ``'release'``, see ``stgr.annotation.click_boxes``.
        quorum: Clicks that make an action present; None: more than half of a video's annotators.
        frame_size: Width and height of the frame the boxes are written for, which clicks are
            stretched to (640, 480 for GroundingYouTube); None: the frame as shown.

    Returns:
        Counts and agreement. Distances are in pixels of the boxes' frame.

    Raises:
        FileNotFoundError: If nothing was annotated in the folder.
        ValueError: If a file is malformed, or ``box_rule`` or ``quorum`` do not exist.
    """
    if box_rule not in BOX_RULES:
        raise ValueError(f'box_rule={box_rule!r} must be one of {", ".join(BOX_RULES)}')
    videos, names = read_work(folder), annotators(folder)
    if not videos or not names:
        raise FileNotFoundError(f'{folder} holds no annotations; make some with: stgr annotate')
    steps, quorums = [], {}
    for video in videos:
        team = [name for name in names if read_history(folder, name, video)] or names
        quorums[video.video_id] = majority(len(team)) if quorum is None else quorum
        steps.append(_votes(folder, video, team, frame_size))
    merged = [
        _merge_video(
            video, of_video, frame_size or video.frame_size, box_rule, quorums[video.video_id]
        )
        for video, of_video in zip(videos, steps, strict=True)
    ]
    write_benchmark(folder, merged)
    num_boxes = sum(len(video.boxes) for video in merged)
    return _report(names, quorums, steps, num_boxes)


def _votes(
    folder: Path, video: WorkVideo, names: Sequence[str], frame_size: tuple[int, int] | None
) -> list[_StepVotes]:
    scale = np.array(frame_size or video.frame_size) / video.frame_size
    steps = [_open_votes(step, len(names)) for step in video.steps]
    for column, name in enumerate(names):
        for answer in current_answers(read_history(folder, name, video)).values():
            votes, row = steps[answer.step], answer.second - video.steps[answer.step].first_sec
            votes.votes[row, column] = STATUSES.index(answer.status)
            if answer.point_px is not None:
                votes.clicks_px[row, column] = np.array(answer.point_px) * scale
    return steps


def _open_votes(step: Step, num_annotators: int) -> _StepVotes:
    seconds = np.arange(step.first_sec, step.last_sec + 1)
    votes = np.full((len(seconds), num_annotators), OPEN, np.int64)
    return _StepVotes(step, seconds, votes, np.full((*votes.shape, 2), np.nan))


def _merge_video(
    video: WorkVideo,
    steps: Sequence[_StepVotes],
    frame_size: tuple[int, int],
    box_rule: str,
    quorum: int,
) -> BenchmarkVideo:
    boxes: list[BoxedFrame] = []
    segments: list[NamedSegment] = []
    refined: list[NamedSegment] = []
    for step, kept in zip(steps, _kept_seconds(steps, quorum), strict=True):
        name, seconds = step.step.name, step.seconds
        boxes_px = BOX_RULES[box_rule](step.clicks_px[kept], frame_size)
        boxes += [
            BoxedFrame(second, name, tuple(box_px))
            for second, box_px in zip(seconds[kept].tolist(), boxes_px.tolist(), strict=True)
        ]
        bounds = refine_bounds(kept, seconds)
        found = ([bounds] if bounds else []) if step.step.timed else presence_runs(kept, seconds)
        asked = [(step.step.first_sec, step.step.last_sec)] if step.step.timed else found
        index = len(segments)
        segments += [NamedSegment(index + i, *ends, name) for i, ends in enumerate(asked)]
        refined += [NamedSegment(index + i, *ends, name) for i, ends in enumerate(found)]
    return BenchmarkVideo(
        video_id=video.video_id,
        native_size=video.frame_size,
        frame_size=frame_size,
        duration_sec=video.duration_sec,
        boxes=tuple(sorted(boxes, key=lambda boxed: boxed.second)),
        segments=tuple(segments),
        refined=tuple(refined),
        pool=tuple(dict.fromkeys(step.name for step in video.steps)),
        clicks=tuple(click for step in steps for click in _mean_clicks(step)),
    )


def _kept_seconds(steps: Sequence[_StepVotes], quorum: int) -> list[BoolArray]:
    """Return which seconds of each step have a box of it: present, and not lost to another step."""
    best: dict[int, tuple[int, int]] = {}  # second -> most clicks, and minus the step that has them
    for index, step in enumerate(steps):
        for second, clicks in _present_seconds(step, quorum):
            best[second] = max(best.get(second, (0, 0)), (clicks, -index))
    return [
        np.array([best.get(second, (0, 1))[1] == -index for second in step.seconds.tolist()], bool)
        for index, step in enumerate(steps)
    ]


def _present_seconds(step: _StepVotes, quorum: int) -> list[tuple[int, int]]:
    """Return the seconds where a step's action is present, and how many clicked there."""
    present = vote_presence(step.votes, quorum=quorum)
    clicks = (step.votes == POINT).sum(axis=1)
    return list(zip(step.seconds[present].tolist(), clicks[present].tolist(), strict=True))


def _mean_clicks(step: _StepVotes) -> list[MeanClick]:
    points_px, spreads_px = click_spreads(step.clicks_px)
    seen = (step.votes != OPEN).any(axis=1)
    return [
        MeanClick(second, step.step.name, None, None)
        if np.isnan(spread)
        else MeanClick(second, step.step.name, (x, y), spread)
        for second, (x, y), spread in zip(
            step.seconds[seen].tolist(),
            points_px[seen].tolist(),
            spreads_px[seen].tolist(),
            strict=True,
        )
    ]


def _report(
    names: Sequence[str],
    quorums: dict[str, int],
    videos: Sequence[Sequence[_StepVotes]],
    num_boxes: int,
) -> MergeReport:
    votes = [np.concatenate([step.votes for step in steps]) for steps in videos]
    distances = np.concatenate([click_distances(step.clicks_px) for s in videos for step in s])
    known = distances[~np.isnan(distances)]
    pairs = list(zip(votes, quorums.values(), strict=True))
    return MergeReport(
        annotators=tuple(names),
        quorums=quorums,
        num_frames=sum(map(len, votes)),
        num_unfinished=sum(int((each == OPEN).any(axis=1).sum()) for each in votes),
        num_present=sum(int(vote_presence(each, quorum=n).sum()) for each, n in pairs),
        num_corrupt=sum(int(vote_corrupt(each, quorum=n).sum()) for each, n in pairs),
        num_boxes=num_boxes,
        mean_distance_px=float(known.mean()) if len(known) else float('nan'),
        presence_kappa=_kappa(votes),
    )


def _kappa(videos: Sequence[IntArray]) -> float:
    """Return Fleiss' kappa over the finished frames of videos with as many annotators each."""
    if len({votes.shape[1] for votes in videos}) > 1 or videos[0].shape[1] < 2:
        return float('nan')
    votes = np.concatenate(videos)
    finished = votes[(votes != OPEN).all(axis=1)]
    return fleiss_kappa(finished == POINT) if len(finished) else float('nan')
