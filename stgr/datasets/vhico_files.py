"""Reader of the ground truth of V-HICO: humans and objects in single images of short videos."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stgr.datasets.pickled_annotations import read_pickled
from stgr.datasets.region_boxes import Regions, join_regions, read_box_rows
from stgr.io.checked_json import JsonNode

SPLITS = ('test', 'unseen')
# Labels that the files spell in two ways, by split, as the authors' evaluation joins them.
_PLURALS = {
    'test': (
        ('buttoning', 'button', 's'),
        ('combing', 'hair', 's'),
        ('cracking', 'egg', 's'),
        ('flipping', 'pancake', 's'),
        ('hugging', 'tree', 's'),
        ('inflating', 'balloon', 's'),
        ('juggling', 'ball', 's'),
        ('mopping', 'floor', 's'),
        ('peeling', 'apple', 's'),
        ('shaking', 'head', 's'),
        ('stretching', 'leg', 's'),
        ('sweeping', 'floor', 's'),
        ('throwing', 'ball', 's'),
    ),
    'unseen': (),
}
_OTHERS = {
    'test': {'massaging foot': 'massaging feet', 'taping foot': 'taping feet'},
    'unseen': {'folding bikes folding bikes': 'folding bikes'},
}
LABELS = {
    split: {f'{verb} {noun}': f'{verb} {noun}{end}' for verb, noun, end in _PLURALS[split]}
    | _OTHERS[split]
    for split in SPLITS
}


@dataclass(frozen=True)
class AnnotatedImage:
    """One image of a video with its boxes.

    Args:
        path: Where the image lies below the folder of images, as the file says.
        frame_idx: Number of the frame, the name of the image.
        label: Action, lower case, in the spelling that counts.
        frame_size: Width and height of the frame that the boxes are measured in, pixels.
        regions: Boxes of humans and objects.
    """

    path: str
    frame_idx: int
    label: str
    frame_size: tuple[int, int]
    regions: Regions


def read_vhico(path: Path, split: str) -> dict[tuple[str, str], list[AnnotatedImage]]:
    """Read the annotated images of each action and video, in the order of their frames.

    Args:
        path: The pickle (named ``.json`` by its authors)
            ``{"annos": {action: {video: [{path, label, width, height, human, object}]}}}``.
        split: A name of ``SPLITS``, for the spelling of labels.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not follow the format, an image comes twice, or the images of a video
            differ in size; the field is named.
    """
    actions = read_pickled(path)['annos']
    return {
        (action, video): _images(actions[action][video], LABELS[split])
        for action in _keys(actions)
        for video in _keys(actions[action])
    }


def _keys(node: JsonNode) -> list[str]:
    if not isinstance(node.value, dict):
        raise ValueError(f'{node.where} must be a dict, but is a {type(node.value).__name__}')
    return list(node.value)


def _images(node: JsonNode, spelling: dict[str, str]) -> list[AnnotatedImage]:
    images: dict[int, AnnotatedImage] = {}
    for entry in node.items():
        image = _image(entry, spelling)
        if image.frame_idx in images:
            raise ValueError(f'{entry.where}: frame {image.frame_idx} comes twice')
        images[image.frame_idx] = image
    sizes = sorted({image.frame_size for image in images.values()})
    if len(sizes) > 1:
        raise ValueError(f'{node.where}: frames of one video have different sizes: {sizes}')
    return [images[frame] for frame in sorted(images)]


def _image(node: JsonNode, spelling: dict[str, str]) -> AnnotatedImage:
    path = node['path'].text()
    number = PurePosixPath(path).stem
    if not number.isdecimal():
        raise ValueError(f'{node.where}.path must end in FRAME.jpg, but is {path!r}')
    label = node['label'].text().lower()
    width, height = node['width'].number(), node['height'].number()
    if min(width, height) < 1:
        raise ValueError(f'{node.where} is {width:g} x {height:g} pixels; a side must be >= 1')
    return AnnotatedImage(
        path=path,
        frame_idx=int(number),
        label=spelling.get(label, label),
        frame_size=(int(width), int(height)),
        regions=join_regions(read_box_rows(node['human']), read_box_rows(node['object'])),
    )
