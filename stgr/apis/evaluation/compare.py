"""Several systems side by side: scores with intervals, paired differences, breakdowns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stgr.apis.evaluation.evaluate import SCHEMA_VERSION
from stgr.apis.evaluation.intervals import difference, statistic_of
from stgr.apis.evaluation.names import unknown_names
from stgr.apis.evaluation.report import cell, scaled, score_of
from stgr.apis.tables import format_table
from stgr.evaluation.functional import Interval, bootstrap_weighted
from stgr.io.checked_json import read_json

BREAKDOWNS = ('class', 'video')
_NEEDED = (
    'system', 'protocol', 'settings', 'files', 'metrics', 'controls', 'per_video', 'per_class',
    'tubes', 'ratios', 'headline', 'controls_of_system', 'versions',
)  # fmt: skip


def read_reports(paths: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Read the outputs of ``stgr evaluate`` and check that they can stand in one table.

    Args:
        paths: JSON files.

    Returns:
        Their documents, with systems of one name told apart by their files.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no such output, or its protocol, settings, ground truth or
            library version differs from the first one's; the differences are shown.
    """
    if not paths:
        raise ValueError('nothing to compare; give JSON files of stgr evaluate')
    documents = [_read(Path(path)) for path in paths]
    for path, document in zip(paths, documents, strict=True):
        faults = _differences(documents[0], document)
        if faults:
            raise ValueError(
                f'{path} cannot stand beside {paths[0]}: {"; ".join(faults)}; evaluate both alike'
            )
    names = [document['system'] for document in documents]
    for path, document in zip(paths, documents, strict=True):
        if names.count(document['system']) > 1:
            document['system'] = f'{document["system"]} ({path})'
    return documents


def _read(path: Path) -> dict[str, Any]:
    node = read_json(path)
    version = node['schema_version'].integer()
    if version != SCHEMA_VERSION:
        raise ValueError(
            f'{path}: schema_version is {version}, this version reads {SCHEMA_VERSION}'
        )
    for key in _NEEDED:
        _ = node[key]
    _ = node['versions']['stgr'], node['files']['ground_truth']
    document: dict[str, Any] = node.value
    return document


def _differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return what makes two reports incomparable."""
    faults = []
    if first['protocol'] != other['protocol']:
        return [f'protocol is {other["protocol"]!r}, not {first["protocol"]!r}']
    for key in sorted({*first['settings'], *other['settings']}):
        ours, theirs = first['settings'].get(key), other['settings'].get(key)
        if ours != theirs:
            faults.append(f'{key} is {theirs!r}, not {ours!r}')
    sums = [[one['sha256'] for one in d['files']['ground_truth']] for d in (first, other)]
    if sums[0] != sums[1]:
        faults.append('the ground truth files have other checksums')
    if list(first['per_video']) != list(other['per_video']):
        faults.append('the videos differ')
    if first['versions']['stgr'] != other['versions']['stgr']:
        faults.append(f'stgr is {other["versions"]["stgr"]}, not {first["versions"]["stgr"]}')
    return faults


def compare_reports(
    documents: Sequence[Mapping[str, Any]],
    *,
    scores: Sequence[str] = (),
    style: str = 'markdown',
    by: str | None = None,
    seed: int = 0,
    num_resamples: int = 2000,
) -> str:
    """Return one table of several systems, in per cent.

    Each score has its 95 % bootstrap interval over videos; below the systems stand the differences
    to the first one, paired by video, then the trivial predictors. A score without an interval is
    neither a mean over videos (clips, queries), nor a ratio of counts, nor a median of values that
    the reports hold.

    Args:
        documents: Of ``read_reports``.
        scores: ``group/key`` of each column; empty means the headline of the protocol.
        style: See ``format_table``.
        by: ``'class'`` or ``'video'``: one row per class or video and one column per system and
            score; None: the table above.
        seed: Of the resampling.
        num_resamples: Of the bootstrap.

    Raises:
        ValueError: If a score or ``by`` is unknown.
    """
    first = documents[0]
    columns = {key: key for key in scores} or dict(first['headline'])
    _check_scores(columns, documents)
    if by is None:
        rows = _rows(documents, list(columns), seed=seed, num_resamples=num_resamples)
        heads = [f'{first["protocol"]} (per cent)', *columns.values()]
        return format_table(heads, rows, style)
    if by not in BREAKDOWNS:
        raise ValueError(f'by must be one of {BREAKDOWNS}, but got {by!r}')
    make = _by_class if by == 'class' else _by_video
    return make(documents, columns, style)


def _check_scores(columns: Mapping[str, str], documents: Sequence[Mapping[str, Any]]) -> None:
    known = [
        f'{group}/{key}'
        for document in documents
        for metrics in (document['metrics'], document['controls']['oracle'])
        for group, found in metrics.items()
        for key in found
    ]
    unknown = [key for key in columns if key not in known]
    if unknown:
        message = unknown_names('scores', unknown, set(known))
        raise ValueError(message.replace('the ground truth', 'the reports'))


def _rows(
    documents: Sequence[Mapping[str, Any]], keys: Sequence[str], *, seed: int, num_resamples: int
) -> list[list[str]]:
    first = documents[0]
    statistics = [{key: statistic_of(d, key) for key in keys} for d in documents]
    num = len(first['per_video'])

    def interval(statistic: Any) -> Interval:
        return bootstrap_weighted(statistic, num, num_resamples=num_resamples, seed=seed)

    rows = []
    for document, mine in zip(documents, statistics, strict=True):
        cells = [
            cell(document['metrics'], key)
            if (statistic := mine[key]) is None
            else _value(interval(statistic), key)
            for key in keys
        ]
        rows.append([document['system'], *cells])
    for document, mine in zip(documents[1:], statistics[1:], strict=True):
        cells = []
        for key in keys:
            one, other = statistics[0][key], mine[key]
            if one is None or other is None:
                cells.append(_plain_difference(first, document, key))
            else:
                cells.append(_value(interval(difference(one, other)), key, signed=True))
        rows.append([f'{document["system"]} - {first["system"]}', *cells])
    kept = first['controls_of_system']
    for name, metrics in first['controls'].items():
        label = f'{name} (else as {first["system"]})' if name in kept else name
        rows.append([label, *(cell(metrics, key) for key in keys)])
    return rows


def _value(interval: Interval, key: str, *, signed: bool = False) -> str:
    sign = '+' if signed else ''
    ends = (interval.estimate, interval.low, interval.high)
    numbers = [scaled(value, key) for value in ends]
    estimate, low, high = (f'{number:{sign}.2f}' for number in numbers)
    return f'{estimate} [{low}, {high}]'


def _plain_difference(first: Mapping[str, Any], other: Mapping[str, Any], key: str) -> str:
    ours, theirs = (score_of(document['metrics'], key) for document in (first, other))
    return '-' if ours is None or theirs is None else f'{scaled(theirs - ours, key):+.2f}'


def _by_video(
    documents: Sequence[Mapping[str, Any]], columns: Mapping[str, str], style: str
) -> str:
    heads = ['video'] + [f'{head}: {d["system"]}' for head in columns.values() for d in documents]
    rows = []
    for video_id in documents[0]['per_video']:
        values = [
            (key, document['per_video'][video_id]['scores'].get(key))
            for key in columns
            for document in documents
        ]
        cells = ['-' if value is None else f'{scaled(value, key):.2f}' for key, value in values]
        rows.append([video_id, *cells])
    return format_table(heads, rows, style)


def _by_class(
    documents: Sequence[Mapping[str, Any]], columns: Mapping[str, str], style: str
) -> str:
    """Return the ratios of counts of each class, those of the columns or else all there are."""
    ratios = {k: one for k, one in documents[0]['ratios'].items() if one['over'] != 'unit'}
    if not documents[0]['per_class']:
        raise ValueError(f'{documents[0]["protocol"]} counts no classes; use --by video')
    wanted = {
        (ratios[key]['numerator'], ratios[key]['denominator']) for key in columns if key in ratios
    }
    pairs = sorted(wanted or {(one['numerator'], one['denominator']) for one in ratios.values()})
    counted = next(iter(documents[0]['per_class'].values()))
    size = next(name for name in ('boxes', 'frames', 'clips') if name in counted)
    heads = ['class', 'videos', size]
    heads += [f'{above}/{below}: {d["system"]}' for above, below in pairs for d in documents]
    rows = []
    for label, counts in documents[0]['per_class'].items():
        if not counts[size]:  # only predicted
            continue
        cells = [
            _ratio_cell(document['per_class'][label], above, below)
            for above, below in pairs
            for document in documents
        ]
        rows.append([label, str(counts['videos']), str(counts[size]), *cells])
    return format_table(heads, rows, style)


def _ratio_cell(counts: Mapping[str, float], above: str, below: str) -> str:
    if above not in counts or not counts.get(below):
        return '-'
    return f'{100 * counts[above] / counts[below]:.2f}'
