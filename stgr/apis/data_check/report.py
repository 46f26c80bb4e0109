"""What was found of a data set, in lines for people."""

from collections.abc import Iterator, Sequence

import numpy as np

from stgr.apis.data_check.check import DataCheck

NAMES_SHOWN = 20
SIZES_SHOWN = 5
# What a reader should look at; a frame of the same shape needs no word.
NOTABLE_SCALINGS = ('stretched', 'turned')


def report_lines(check: DataCheck) -> Iterator[str]:
    """Yield the report, line by line."""
    counts = ''.join(f', {count} {what}' for what, count in check.annotations.counts.items())
    yield f'{check.name}: {check.num_annotated} videos annotated{counts}'
    share = 100 * check.num_found / max(check.num_annotated, 1)
    yield f'found      {check.num_found} of {check.num_annotated} ({share:.1f} %) in {check.folder}'
    if check.others:
        yield f'others     {check.others} videos of the folder that nothing is annotated of'
    if check.missing:
        yield f'missing    {len(check.missing)}: {_shorten(check.missing)}'
    if not check.probed:
        return
    yield f'readable   {len(check.readable)} of {len(check.probed)} opened'
    for video_id, fault in list(check.faults.items())[:NAMES_SHOWN]:
        yield f'damaged    {video_id}: {" ".join(fault.split())}'
    if len(check.faults) > NAMES_SHOWN:
        yield f'damaged    {len(check.faults) - NAMES_SHOWN} more'
    if check.readable:
        yield from _lines_of_readable(check)


def _lines_of_readable(check: DataCheck) -> Iterator[str]:
    seconds = check.values('duration_sec')
    yield f'durations  {_range(seconds)} s, {seconds.sum() / 3600:.1f} h in all'
    yield f'frames     {_range(check.values("fps"))} per second'
    yield f'sound      {int(check.values("has_audio").sum())} of {len(check.readable)}'
    sizes = check.sizes.most_common()
    shown = [f'{count} of {width}x{height}' for (width, height), count in sizes[:SIZES_SHOWN]]
    more = [f'{len(sizes) - SIZES_SHOWN} other sizes'] if len(sizes) > SIZES_SHOWN else []
    yield f'sizes      {", ".join(shown + more)}'
    if check.scalings:
        kinds = ', '.join(f'{count} {kind}' for kind, count in check.scalings.most_common())
        yield f'boxes      measured in a frame that is, beside the video: {kinds}'
    for kind in NOTABLE_SCALINGS:
        names = [name for name, video in check.readable.items() if video.scaling == kind]
        if names:
            yield f'{kind:10} {len(names)}: {_shorten([_sizes(check, name) for name in names])}'


def _sizes(check: DataCheck, video_id: str) -> str:
    facts = check.probed[video_id].facts
    assert facts is not None, 'only of readable videos'
    width, height = check.annotations.frame_sizes[video_id]
    return f'{video_id} ({facts.width}x{facts.height} as {width}x{height})'


def _shorten(names: Sequence[str]) -> str:
    more = f', ... and {len(names) - NAMES_SHOWN} more' if len(names) > NAMES_SHOWN else ''
    return ', '.join(names[:NAMES_SHOWN]) + more


def _range(values: np.ndarray) -> str:
    return f'{values.min():.4g} to {values.max():.4g}, median {np.median(values):.4g}'
