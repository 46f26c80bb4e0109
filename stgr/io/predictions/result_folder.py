"""The library's own answers as predictions: folders with ``result.json``."""

from pathlib import Path

import numpy as np

from stgr.io.predictions.video_prediction import PredictedPlaces, VideoPrediction
from stgr.io.results import RESULT_FILE, load_result
from stgr.structures import GroundingResult


def read_result_folder(folder: Path) -> list[VideoPrediction]:
    """Read the answers of ``stgr ground``: one video's folder, or a folder of such folders.

    A video is called as its file was, without the suffix. Each evaluated frame gets the query one
    of whose spans holds it; of several the one most similar to the frame. Its point and box are
    those of the query's tube; its score is the similarity of that query, on background frames of
    the best query.

    Args:
        folder: Holds ``result.json``, or folders that do.

    Returns:
        The videos, in the order of their folders.

    Raises:
        FileNotFoundError: If there is no answer.
        ValueError: If an answer is broken, or two are of one video.
    """
    if (folder / RESULT_FILE).is_file():
        folders = [folder]
    else:
        folders = sorted(path.parent for path in folder.glob(f'*/{RESULT_FILE}'))
    if not folders:
        raise FileNotFoundError(f'{folder}: neither {RESULT_FILE} nor folders that hold one')
    found: dict[str, VideoPrediction] = {}
    for one in folders:
        prediction = prediction_from_result(load_result(one), str(one / RESULT_FILE))
        if prediction.video_id in found:
            raise ValueError(
                f'{one}: video {prediction.video_id!r} was answered before, in '
                f'{found[prediction.video_id].source}'
            )
        found[prediction.video_id] = prediction
    return list(found.values())


def prediction_from_result(result: GroundingResult, source: str) -> VideoPrediction:
    """Return one answer as a prediction, see ``read_result_folder``."""
    if not result.queries:
        raise ValueError(f'{source}: nothing was asked of this video')
    times = np.asarray(result.times_sec, np.float64)
    scores = np.stack([np.asarray(query.frame_scores, np.float64) for query in result.queries])
    inside: np.ndarray = np.stack([_in_spans(query.spans, times) for query in result.queries])
    best = np.where(inside, scores, -np.inf).argmax(axis=0)
    active = np.any(inside, axis=0)
    points, boxes = np.full((len(times), 2), np.nan), np.full((len(times), 4), np.nan)
    for number, query in enumerate(result.queries):
        mine = active & (best == number)
        for tube in query.tubes:
            rows = np.flatnonzero(mine & np.isin(times, tube.times_sec))
            columns = np.searchsorted(tube.times_sec, times[rows])
            seen = tube.visible[columns]
            points[rows[seen]] = tube.points_px[columns[seen]]
            boxes[rows[seen]] = tube.boxes_px[columns[seen]]
    frames = np.arange(len(times))
    return VideoPrediction(
        video_id=Path(result.video.path.replace('\\', '/')).stem,
        times_sec=times,
        labels=[result.queries[best[frame]].query if active[frame] else None for frame in frames],
        scores=np.where(active, scores[best, frames], scores.max(axis=0)),
        source=source,
        places=PredictedPlaces(points_px=points, boxes_px=boxes),
        frame_size=(result.video.width, result.video.height),
    )


def _in_spans(spans, times: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    inside = np.zeros(len(times), bool)
    for span in spans:
        inside |= (times >= span.start_sec) & (times < span.end_sec)
    return inside
