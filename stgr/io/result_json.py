"""Results as JSON and back, field by field; ``docs/result_schema.md`` documents them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stgr.io.checked_json import JsonNode, check_finite
from stgr.structures import (
    GroundingResult,
    HeatMaps,
    ModelFacts,
    QueryResult,
    Span,
    Tube,
    VideoFacts,
)


def result_to_json(result: GroundingResult) -> dict[str, Any]:
    """Return a result as dicts, lists and scalars, without its heat maps' values."""
    video, model = result.video, result.model
    return {
        'video': {
            'path': str(video.path),
            'width': int(video.width),
            'height': int(video.height),
            'duration_sec': float(video.duration_sec),
            'fps': float(video.fps),
            'has_audio': bool(video.has_audio),
            'reader': video.reader,
            'warnings': list(video.warnings),
        },
        'model': {
            'name': model.name,
            'weights_sha256': model.weights_sha256,
            'notice': model.notice,
            'config_sha256': model.config_sha256,
        },
        'settings': dict(result.settings),
        'times_sec': _numbers(result.times_sec, 'f8'),
        'queries': [_query_to_json(i, query) for i, query in enumerate(result.queries)],
    }


def _query_to_json(index: int, query: QueryResult) -> dict[str, Any]:
    maps = query.heatmaps
    return {
        'query': query.query,
        'found': bool(query.found),
        'score': float(query.score),
        **_probability_to_json(query.probability),
        'spans': [_span_to_json(span) for span in query.spans],
        'tubes': [_tube_to_json(tube) for tube in query.tubes],
        'heatmaps': maps
        and {
            'key': heatmaps_key(index),
            'normalisation': maps.normalisation,
            'shape': list(maps.values.shape),
        },
        'frame_scores': _numbers(query.frame_scores, 'f4'),
    }


def _span_to_json(span: Span) -> dict[str, float]:
    return {
        'start_sec': float(span.start_sec),
        'end_sec': float(span.end_sec),
        'score': float(span.score),
        **_probability_to_json(span.probability),
    }


def _probability_to_json(probability: float | None) -> dict[str, float]:
    """Return the field of a probability, none if it is unknown."""
    return {} if probability is None else {'probability': float(probability)}


def _tube_to_json(tube: Tube) -> dict[str, Any]:
    return {
        'span': _span_to_json(tube.span),
        'times_sec': _numbers(tube.times_sec, 'f8'),
        'boxes_px': [_numbers(box, 'f4') for box in tube.boxes_px],
        'points_px': [_numbers(point, 'f4') for point in tube.points_px],
        'visible': [bool(seen) for seen in tube.visible],
    }


def _numbers(array: np.ndarray, dtype: str) -> list[float]:
    """Shortest decimals that read back as the same values of ``dtype``."""
    values = np.asarray(array, dtype=dtype)
    short = [float(str(value)) for value in values]
    same = np.array(short, dtype=dtype) == values
    return [
        brief if equal else float(value)
        for brief, equal, value in zip(short, same, values, strict=True)
    ]


def heatmaps_key(index: int) -> str:
    """Return how the heat maps of a query are called in the side file."""
    return f'query_{index}'


def result_from_json(document: JsonNode, maps: Mapping[str, np.ndarray]) -> GroundingResult:
    """Return the result that :func:`result_to_json` made a document of.

    Args:
        document: The document, possibly edited by a stranger.
        maps: Arrays of the side file: ``<key>_times_sec`` and ``<key>_values`` of each query.

    Raises:
        ValueError: If a field is missing, of another type or against the rules of the structures.
    """
    settings = document['settings']
    if not isinstance(settings.value, dict):
        raise ValueError(f'{settings.where} must be an object')
    check_finite(settings.value, settings.where)
    return GroundingResult(
        video=_video_from_json(document['video']),
        model=ModelFacts(
            name=document['model']['name'].text(),
            weights_sha256=_optional_text(document['model']['weights_sha256']),
            notice=_optional_text(document['model']['notice']),
            config_sha256=_optional_text(document['model']['config_sha256']),
        ),
        times_sec=document['times_sec'].array('f8'),
        queries=tuple(_query_from_json(node, maps) for node in document['queries'].items()),
        settings=settings.value,
    )


def _video_from_json(video: JsonNode) -> VideoFacts:
    return VideoFacts(
        path=video['path'].text(),
        width=video['width'].integer(),
        height=video['height'].integer(),
        duration_sec=video['duration_sec'].number(),
        fps=video['fps'].number(),
        has_audio=video['has_audio'].flag(),
        reader=video['reader'].text(),
        warnings=tuple(warning.text() for warning in video['warnings'].items()),
    )


def _query_from_json(query: JsonNode, maps: Mapping[str, np.ndarray]) -> QueryResult:
    try:
        return QueryResult(
            query=query['query'].text(),
            found=query['found'].flag(),
            score=query['score'].number(),
            frame_scores=query['frame_scores'].array('f4'),
            spans=tuple(_span_from_json(node) for node in query['spans'].items()),
            tubes=tuple(_tube_from_json(node) for node in query['tubes'].items()),
            heatmaps=_maps_from_json(query['heatmaps'], maps),
            probability=_optional_probability(query),
        )
    except ValueError as error:
        message = str(error)
        raise ValueError(
            message if query.where in message else f'{query.where}: {message}'
        ) from error


def _span_from_json(span: JsonNode) -> Span:
    return Span(
        span['start_sec'].number(),
        span['end_sec'].number(),
        span['score'].number(),
        _optional_probability(span),
    )


def _optional_probability(owner: JsonNode) -> float | None:
    """Return a probability, which older files and models without calibration do not state."""
    if not isinstance(owner.value, dict) or owner.value.get('probability') is None:
        return None
    return owner['probability'].number()


def _tube_from_json(tube: JsonNode) -> Tube:
    return Tube(
        span=_span_from_json(tube['span']),
        times_sec=tube['times_sec'].array('f8'),
        boxes_px=tube['boxes_px'].array('f4', columns=4),
        points_px=tube['points_px'].array('f4', columns=2),
        visible=np.array([seen.flag() for seen in tube['visible'].items()], dtype=bool),
    )


def _maps_from_json(node: JsonNode, maps: Mapping[str, np.ndarray]) -> HeatMaps | None:
    if node.value is None:
        return None
    key = node['key'].text()
    times_sec, values = maps.get(f'{key}_times_sec'), maps.get(f'{key}_values')
    if times_sec is None or values is None:
        raise ValueError(f'{node.where}.key: the side file has no arrays of {key!r}')
    return HeatMaps(times_sec, values, node['normalisation'].text())


def _optional_text(node: JsonNode) -> str | None:
    return None if node.value is None else node.text()
