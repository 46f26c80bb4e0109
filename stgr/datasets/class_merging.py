"""Other names for the actions of a data set, so that spellings of one action become one class."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from stgr.datasets.class_order import ClassOrder, read_class_list
from stgr.datasets.mining_youtube_files import class_of_step
from stgr.datasets.near_names import near_names
from stgr.io.checked_json import read_json
from stgr.structures import BACKGROUND_NAME

NameMap = Callable[[str], str]
CLASS_LIST = 'weakYouTube_dict.txt'


def canonical512(data_root: Path) -> NameMap:
    """Return the map to the 512 classes of MiningYouTube, see ``class_of_step``.

    The 690 names of GroundingYouTube's steps are spellings of these classes. The 659 names of its
    boxes are of 491 of them; a step of one more class has boxes only at a second that it shares
    with another step, whose name they bear.

    Args:
        data_root: Folder that also holds MiningYouTube's list of classes, ``CLASS_LIST``.

    Raises:
        FileNotFoundError: If the list is not there.
        ValueError: If it is malformed.
    """
    return partial(_class_with_blanks, order=read_class_list(data_root / CLASS_LIST))


def _class_with_blanks(name: str, order: ClassOrder) -> str:
    return class_of_step(name.replace(' ', '_'), order).replace('_', ' ')


# Maps that a config may call by name: a function of the data root that returns the map, and may
# read from there what the map needs.
NAMED_MAPS: dict[str, Callable[[Path], NameMap]] = {'canonical512': canonical512}


def class_map(classes: str | Mapping[str, str] | NameMap | None, data_root: Path) -> NameMap:
    """Return the function that turns the name of an action into the name of its class.

    Args:
        classes: None: every name is its own class. A mapping, or a function, from name to class. A
            JSON file ``{name: class}``, relative to ``data_root``. A name of ``NAMED_MAPS``.
        data_root: Folder that a file is relative to.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a name is neither a file nor one of ``NAMED_MAPS``, if the file is not a
            mapping of texts, or, when the function is called, if a name has no class or the class
            is empty or background.
    """
    if classes is None:
        return _same
    if isinstance(classes, str):
        classes = _find(classes, data_root)
    return partial(_checked, classes=classes)


def _same(name: str) -> str:
    return name


def _find(classes: str, data_root: Path) -> Mapping[str, str] | NameMap:
    if classes in NAMED_MAPS:
        return NAMED_MAPS[classes](data_root)
    if not classes.endswith('.json'):
        raise ValueError(
            f'classes={classes!r} names no map of classes ({near_names(classes, NAMED_MAPS)}); or '
            'give a mapping, a function or a .json file {name: class}'
        )
    document = read_json(data_root / classes)
    if not isinstance(document.value, dict):
        raise ValueError(f'{document.where} must be an object {{name: class}}')
    return {name: document[name].text() for name in document.value}


def _checked(name: str, classes: Mapping[str, str] | NameMap) -> str:
    if callable(classes):
        merged = classes(name)
    elif name in classes:
        merged = classes[name]
    else:
        raise ValueError(f'the action {name!r} has no class; {near_names(name, classes)}')
    if not isinstance(merged, str) or not merged.strip() or merged == BACKGROUND_NAME:
        raise ValueError(f'the class of {name!r} must be a name of an action, but is {merged!r}')
    return merged
