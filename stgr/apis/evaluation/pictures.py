"""The page of pictures behind ``stgr evaluate --report``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stgr.apis.evaluation.matching import MatchedVideo
from stgr.apis.evaluation.protocol import Protocol
from stgr.apis.evaluation.report import notices
from stgr.apis.evaluation_report.page import MAIN_SCORES, write_evaluation_report

FILES_SHOWN = 5  # of each kind; a folder of results has one per video


def write_pictures(
    document: Mapping[str, Any],
    videos: Sequence[MatchedVideo],
    protocol: Protocol,
    out_dir: str | Path,
    *,
    videos_dir: str | Path | None = None,
) -> Path:
    """Write ``report.html`` of an evaluation and return its path.

    Args:
        document: Of ``evaluate``: its scores, files, settings and coverage go onto the page.
        videos: Truth and predictions.
        protocol: How they were scored.
        out_dir: Folder of the page, made if it is not there.
        videos_dir: Videos to lay maps over; None: plain maps.

    Raises:
        ValueError: If the protocol has no such page.
        FileNotFoundError: If there is no folder ``videos_dir``.
    """
    systems = {document['system']: document['metrics'], **document['controls']}
    headline = set(document['headline'])
    return write_evaluation_report(
        [video.record for video in videos],
        {name: _flat(metrics) for name, metrics in systems.items()},
        out_dir,
        title=f'{document["system"]} on {document["protocol"]}',
        videos_dir=videos_dir,
        settings=protocol.report_settings(),
        facts=page_facts(document),
        main_scores=MAIN_SCORES if headline <= set(MAIN_SCORES) else list(document['headline']),
        notes=notices(document['coverage']),
    )


def page_facts(document: Mapping[str, Any]) -> dict[str, object]:
    """Return what the page says besides its pictures: files, settings, coverage, versions.

    Args:
        document: Of ``evaluate``.
    """
    facts: dict[str, object] = {}
    for what in ('ground_truth', 'predictions'):
        name = what.replace('_', ' ')
        stamps = document['files'][what]
        for stamp in stamps[:FILES_SHOWN]:
            facts[f'{name}: {stamp["path"]}'] = f'SHA-256 {stamp["sha256"]}'
        if len(stamps) > FILES_SHOWN:
            facts[f'{name}: {len(stamps) - FILES_SHOWN} more files'] = 'see the file of --json'
    facts['format of the predictions'] = document['files']['predictions_format']
    for title, part in (('protocol', 'settings'), ('coverage', 'coverage')):
        for key, value in document[part].items():
            facts[f'{title}: {key.replace("_", " ")}'] = _shown(value)
    for group, reason in document['not_scored'].items():
        facts[f'not scored: {group}'] = reason
    for name, meaning in document['control_rules'].items():
        facts[f'beside it: {name.replace("_", " ")}'] = meaning
    for package, version in document['versions'].items():
        facts[f'version of {package}'] = version
    return facts


def _shown(value: object) -> object:
    if isinstance(value, list):
        return ', '.join(map(str, value)) or 'none'
    return 'not set' if value is None else value


def _flat(metrics: Mapping[str, Mapping[str, float | None]]) -> dict[str, float]:
    """Return ``group/key`` -> score without the undefined ones."""
    return {
        f'{group}/{key}': value
        for group, scores in metrics.items()
        for key, value in scores.items()
        if value is not None
    }
