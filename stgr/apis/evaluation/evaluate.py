"""Score a file of anybody's predictions against a ground truth."""

import hashlib
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stgr import __version__
from stgr.apis.evaluation.protocol import Protocol, ScoreGroup, Scores
from stgr.evaluation.functional import TubeOutcomes, add_counts
from stgr.io.predictions import format_of

SCHEMA_VERSION = 1


def evaluate(
    protocol: Protocol,
    ground_truth: str | Path,
    predictions: str | Path,
    *,
    name: str = '',
    report_dir: str | Path | None = None,
    videos_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Return every score of a file of predictions, as a JSON document.

    Args:
        protocol: How it is scored, with its settings.
        ground_truth: The protocol's annotation file.
        predictions: See ``read_predictions``.
        name: What the system is called; '' means the name of the predictions' file.
        report_dir: Folder for ``report.html``, see ``write_pictures``; None: no page.
        videos_dir: Videos to lay its maps over; None: plain maps.

    Returns:
        The document of docs/predictions.md; undefined scores are None.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is broken or does not fit, see ``match_predictions``, or if there is
            no page of this protocol.
    """
    _check_page(protocol, report_dir, videos_dir)
    ground_truth, predictions = Path(ground_truth), Path(predictions)
    truths = protocol.read_truth(ground_truth)
    if not truths:
        raise ValueError(f'{ground_truth}: no videos in it')
    matched, coverage = protocol.match(truths, protocol.read_predictions(predictions))
    system = [protocol.reduce(unit) for unit in matched]
    document = {
        'schema_version': SCHEMA_VERSION,
        'system': name or predictions.stem or predictions.name,
        'protocol': protocol.name,
        'settings': protocol.settings,
        'versions': {
            'stgr': __version__,
            'numpy': np.__version__,
            'python': platform.python_version(),
        },
        'files': {
            'ground_truth': _stamps(protocol.truth_files(ground_truth)),
            'predictions': _stamps([predictions]),
            'predictions_format': format_of(predictions),
        },
        'coverage': {
            **coverage.to_json(),
            **protocol.truth_counts(ground_truth),
            **protocol.extra_coverage(system),
        },
        **_scored(protocol, [truth.video_id for truth in truths], matched, coverage.given, system),
        'tubes': {group: list(values) for group, values in protocol.tube_groups().items()},
        'ratios': {key: vars(ratio) for key, ratio in protocol.ratios().items()},
        'headline': protocol.columns(),
    }
    if report_dir is not None:
        from stgr.apis.evaluation.pictures import write_pictures

        write_pictures(document, matched, protocol, report_dir, videos_dir=videos_dir)
    return document


def _check_page(
    protocol: Protocol, report_dir: str | Path | None, videos_dir: str | Path | None
) -> None:
    """Say before the scores are computed that there can be no page."""
    if report_dir is None:
        if videos_dir is not None:
            raise ValueError('--videos-dir serves the page of --report DIR; give both')
        return
    protocol.report_settings()
    if videos_dir is not None and not Path(videos_dir).is_dir():
        raise FileNotFoundError(f'{videos_dir}: no such folder of videos')


def _scored(
    protocol: Protocol,
    ids: Sequence[str],
    matched: Sequence[Any],
    given: Iterable[str],
    system: Sequence[Any],
) -> dict[str, Any]:
    """Return the scores of a system and of trivial predictors, with breakdowns.

    Args:
        protocol: How they are scored.
        ids: Names of the units of the truth.
        matched: Truth and prediction of each.
        given: What the predictions say.
        system: The same units, reduced.
    """
    groups = protocol.groups()
    kept, left_out = _split(groups, given)
    controls = {
        control: _score_all(groups, [protocol.reduce(unit) for unit in units])
        for control, units in protocol.controls(matched).items()
    }
    counts = {video_id: protocol.count(one) for video_id, one in zip(ids, system, strict=True)}
    return {
        'metrics': plain(_score_all(kept, system)),
        'not_scored': left_out,
        'controls': plain(controls),
        'control_rules': dict(protocol.control_rules),
        'controls_of_system': list(protocol.controls_of_system),
        'per_video': _per_video(protocol, kept, ids, system, counts),
        'per_class': add_counts(counts.values()),
    }


def _split(
    groups: Sequence[ScoreGroup], given: Iterable[str]
) -> tuple[list[ScoreGroup], dict[str, str]]:
    """Part the groups that can be scored from those that cannot, with the reason."""
    kept, left_out = [], {}
    for group in groups:
        lacking = [need for need in group.needs if need not in given]
        if lacking:
            left_out[group.name] = f'the predictions have no {" and no ".join(lacking)}'
        else:
            kept.append(group)
    return kept, left_out


def _score_all(groups: Sequence[ScoreGroup], units: Sequence[Any]) -> dict[str, Scores]:
    return {group.name: group.score(units) for group in groups}


def _per_video(
    protocol: Protocol,
    groups: Sequence[ScoreGroup],
    ids: Sequence[str],
    videos: Sequence[Any],
    counts: Mapping[str, Any],
) -> dict[str, Any]:
    chosen = [group for group in groups if group.per_video]
    found = {}
    for video_id, video in zip(ids, videos, strict=True):
        scores = {
            f'{group.name}/{key}': value
            for group in chosen
            for key, value in group.score([video]).items()
        }
        found[video_id] = {
            'scores': plain(scores),
            'counts': dict(protocol.count_unit(video)),
            'classes': counts[video_id],
            'tubes': {name: _tubes(one) for name, one in protocol.tubes_of(video).items()},
            'ranks': {key: list(values) for key, values in protocol.ranks_of(video).items()},
        }
    return found


def _tubes(outcomes: TubeOutcomes) -> list[Any]:
    """Return true tubes, and of each predicted one its score and its hits at each threshold."""
    hits = outcomes.positive.astype(int).tolist()
    return [outcomes.num_truths, list(zip(outcomes.scores.tolist(), hits, strict=True))]


def _stamps(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Return the name and the SHA-256 of each file; of a folder those of the results in it."""
    stamps = []
    for path in paths:
        files = sorted(path.rglob('result.json')) if path.is_dir() else [path]
        stamps += [{'path': str(file), 'sha256': _sha256(file)} for file in files]
    return stamps


def _sha256(path: Path) -> str:
    with path.open('rb') as stream:
        return hashlib.file_digest(stream, 'sha256').hexdigest()


def plain(value: Any) -> Any:
    """Return nested dictionaries with None in place of NaN, as JSON needs it."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
