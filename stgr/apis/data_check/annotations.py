"""What the annotations of each data set speak of, whether its videos are there or not."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from stgr.apis.progress import byte_bar
from stgr.registry import DATASETS


@dataclass(frozen=True)
class Annotations:
    """The videos that a data set's annotations speak of.

    Args:
        video_ids: Each video once, in the order of the annotations.
        frame_sizes: Width and height of the frame that boxes are measured in, where there are.
        counts: What else there is, such as ``{'boxes': 17316}``.
    """

    video_ids: Sequence[str]
    frame_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedData:
    """How a data set is looked at.

    Args:
        config: Of the data set below its ``data_root``, as in a config file; it takes
            ``videos_dir``.
        read: Makes the annotations of the data set, built without videos.
    """

    config: Mapping[str, Any]
    read: Callable[[Any], Annotations]


def read_items(dataset: Any) -> Annotations:
    """Return what the items of a data set with boxes say; several may be of one video.

    Args:
        dataset: Its items have ``frame_size`` (W, H) and ``video_id``, or ``source_video_id`` where
            an item is a part of a video; its ``metainfo`` has ``num_boxes``.
    """
    sizes: dict[str, tuple[int, int]] = {}
    for index in range(len(dataset)):
        item = dataset[index]
        width, height = item['frame_size']
        sizes[item.get('source_video_id', item['video_id'])] = (int(width), int(height))
    facts = dataset.metainfo
    counts = {'clips': 'num_clips', 'images': 'num_frames', 'boxes': 'num_boxes'}
    return Annotations(
        list(sizes), sizes, {what: facts[key] for what, key in counts.items() if key in facts}
    )


def read_shares(dataset: Any) -> Annotations:
    """Return the videos of a data set whose boxes are shares of the frame: any size fits."""
    found = read_items(dataset)
    return Annotations(found.video_ids, counts=found.counts)


def read_steps(dataset: Any) -> Annotations:
    """Return the videos of a data set that is annotated in time only."""
    return Annotations(dataset.video_ids, counts={'steps': dataset.metainfo['num_steps']})


def read_queries(dataset: Any) -> Annotations:
    """Return the videos that a ``TubeQueries`` has sentences of; their boxes are not read."""
    queries = dataset.queries.values()
    sizes = {query.video_id: query.frame_size for query in queries}
    return Annotations(list(sizes), sizes, {'sentences': len(queries)})


def read_captioned(dataset: Any) -> Annotations:
    """Return the videos that a ``HowTo100M`` has captions of; they are read or mapped once."""
    path = dataset.captions
    with byte_bar('converting captions', path.stat().st_size) as progress:
        columns = dataset.read_columns(progress)
    return Annotations(columns.video_ids, counts={'captions': len(columns)})


# To add a data set: its name, its class and what has no default in it, and who reads its items.
CHECKED: dict[str, CheckedData] = {
    'grounding_youtube': CheckedData({'type': 'GroundingYouTube'}, read_items),
    'grounding_youtube_clips': CheckedData({'type': 'GroundingYouTubeClips'}, read_items),
    'mining_youtube': CheckedData({'type': 'MiningYouTube', 'videos': None}, read_steps),
    'youcook_interactions': CheckedData({'type': 'YouCookInteractions'}, read_items),
    'vhico': CheckedData({'type': 'VHICO'}, read_items),
    'daly': CheckedData({'type': 'DALY', 'split': 'all', 'frame_size': (1, 1)}, read_shares),
    'vidstg': CheckedData({'type': 'VidSTG'}, read_queries),
    'hc_stvg': CheckedData({'type': 'HCSTVG'}, read_queries),
    'howto100m': CheckedData(
        {'type': 'HowTo100M', 'captions': 'caption.json', 'caption_store': 'caption.clips'},
        read_captioned,
    ),
    'tiny_kitchen': CheckedData({'type': 'GroundingYouTube'}, read_items),
}


def find_checked(name: str) -> CheckedData:
    """Return how a data set is looked at.

    Raises:
        KeyError: If there is no such data set; near names are shown.
    """
    if name not in CHECKED:
        near = difflib.get_close_matches(name, CHECKED, n=2)
        advice = f'did you mean {" or ".join(near)}?' if near else f'known are {", ".join(CHECKED)}'
        raise KeyError(f'no data set is called {name!r}; {advice}')
    return CHECKED[name]


def read_annotations(
    checked: CheckedData, root: str, changes: Mapping[str, Any]
) -> tuple[Annotations, str]:
    """Return what is annotated and the folder of the videos, relative to the root.

    Args:
        checked: Which data set.
        root: Its ``data_root``.
        changes: Arguments of the data set that differ from ``checked.config``.

    Raises:
        TypeError: If the data set takes no such argument.
        FileNotFoundError: If an annotation file is missing.
        ValueError: If one is malformed.
    """
    import_module('stgr.datasets')  # registers ours
    config = {**checked.config, **changes}
    videos_dir = config.pop('videos_dir', None) or 'videos'
    dataset = DATASETS.build({**config, 'data_root': root, 'videos_dir': None})
    return checked.read(dataset), str(videos_dir)
