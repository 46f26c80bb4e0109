"""Readers of the annotation files of MiningYouTube: steps, frame labels, transcripts, lengths."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from stgr.datasets.class_order import ClassLabels, ClassOrder, read_lines
from stgr.io.srt import Subtitle, read_srt_files

# Spellings of single words that are not those of the class list. The other seven are stems that
# the list was made with; "them" and "it" are one class there.
_WORDS = {
    'appy': 'apply',
    'leaf': 'leave',
    'omelet': 'omelette',
    'omellete': 'omelette',
    'press': 'pres',
    'sauté': 'saute',
    'scrambled': 'scramble',
    'stiring': 'stir',
    'them': 'it',
    'tilting': 'tilt',
    'toss': 'tos',
    'using': 'use',
}
# The list has add_top and add_topp for two strings that stem alike; which is whose is not known.
_WHOLE = {'add_toppings': 'add_top'}
PROBLEMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a video.

    Args:
        start_ms: When it begins, whole milliseconds.
        end_ms: When it ends, not in it any more; 3 of the 5,132 real steps end before they begin.
        raw_name: As annotated, such as ``crack_eggs``.
        class_name: Its class, such as ``crack_egg``.
    """

    start_ms: int
    end_ms: int
    raw_name: str
    class_name: str


def class_of_step(raw_name: str, order: ClassOrder) -> str:
    """Return the class of an annotated string: the first verb and noun that are one.

    A string that is a class is that one. Else the verb is joined with each of the other words in
    turn, as it is and without ``es``, ``s`` or ``ing``, its spelling put right, until the
    pair is a class. The released files have no such table; this rule maps all 690 strings of the
    5,132 steps and reaches all 512 classes.

    Args:
        raw_name: Verb and nouns joined by ``_``.
        order: The classes.

    Raises:
        ValueError: If no pair is a class; near classes are listed.
    """
    name = _WHOLE.get(raw_name, raw_name)
    if name in order:
        return name
    verb, *nouns = (_WORDS.get(word, word) for word in name.split('_'))
    for noun in nouns:
        for stem in _stems(noun):
            if f'{verb}_{stem}' in order:
                return f'{verb}_{stem}'
    return order.names[order.index_of(name)]


def read_steps(path: Path, order: ClassOrder) -> dict[str, list[Step]]:
    """Read the steps of every video from SRT files, in the order of the files.

    Steps that end before they begin, or begin before the one before them has ended, are kept as
    they are; one warning counts them.

    Args:
        path: Folder or archive of ``<video_id>.srt``.
        order: The classes.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If a file is malformed or a step is of no class; file and line are named.
    """
    files = read_srt_files(path)
    steps = {
        name: [_step(line, order, f'{path}: {name}.srt:{line.line + 1}') for line in lines]
        for name, lines in files.items()
    }
    faults = [f'{name} {fault}' for name, found in steps.items() for fault in step_faults(found)]
    if faults:
        shown = '; '.join(faults[:PROBLEMS_SHOWN]) + ('; ...' if faults[PROBLEMS_SHOWN:] else '')
        count = sum(map(len, steps.values()))
        warnings.warn(f'{path}: {len(faults)} of {count} steps: {shown}', stacklevel=2)
    return steps


def step_faults(steps: list[Step]) -> Iterator[str]:
    """Yield what is wrong with the times of steps: inverted or empty ones, and overlaps."""
    for step in steps:
        if step.end_ms <= step.start_ms:
            yield f'ends at {step.end_ms} ms, not after its start {step.start_ms} ms'
    for before, after in pairwise(steps):
        if after.start_ms < before.end_ms:
            yield f'begins {before.end_ms - after.start_ms} ms before the one before has ended'


def label_times(steps: list[Step], times_sec: np.ndarray, order: ClassOrder) -> ClassLabels:
    """Return the class at each time: the step's with start <= time < end, else background.

    Where steps overlap the later one in the file counts; one that ends before it begins has no
    time.

    Args:
        steps: Steps of one video.
        times_sec: (T,).
        order: The classes.
    """
    edges = [(step.start_ms / 1000, step.end_ms / 1000) for step in steps]
    bounds = np.searchsorted(times_sec, np.array(edges).reshape(-1, 2))
    return _painted(steps, bounds, len(times_sec), order)


def label_native_frames(
    steps: list[Step], fps: float, count: int, order: ClassOrder
) -> ClassLabels:
    """Return the class of each frame as the released frame labels have it.

    They number frames from 1, and a step covers those from ``round(start * fps)`` to
    ``round(end * fps)``, both in it: one frame more than ``label_times`` would give, in front. The
    3,374 labels of the released example come out of its SRT file so.

    Args:
        steps: Steps of one video.
        fps: Frames per second of the video.
        count: Frames T.
        order: The classes.
    """
    edges = [(step.start_ms, step.end_ms) for step in steps]
    frames = np.round(np.array(edges).reshape(-1, 2) * fps / 1000).astype(np.int64)
    return _painted(steps, np.maximum(frames - [1, 0], 0), count, order)


def read_frame_labels(path: Path, order: ClassOrder) -> ClassLabels:
    """Read the class of each frame: one name per line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is no class; file, line and near ones are named.
    """
    return order.labels(_known(path, enumerate(read_lines(path), 1), order))


def read_transcripts(path: Path, order: ClassOrder) -> list[ClassLabels]:
    """Read what happens in a video in which order: blank-separated classes, background too.

    Returns:
        One transcript per line; several are alternatives.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a word is no class; file, line and near ones are named.
    """
    found = []
    for number, line in enumerate(read_lines(path), 1):
        words = ((number, word) for word in line.split())
        found.append(order.labels(_known(path, words, order)))
    return found


def read_class_lengths(path: Path, order: ClassOrder) -> np.ndarray:
    """Read the mean length of each class in frames: one number per line, in the class list's order.

    Returns:
        (C,) float64, > 0.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not a number > 0, or there are not as many as classes.
    """
    lengths = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            length = float(line)
        except ValueError:
            length = np.nan
        if not 0 < length < np.inf:
            raise ValueError(f'{path}:{number}: expected a number of frames > 0, got {line!r:.60}')
        lengths.append(length)
    if len(lengths) != len(order):
        raise ValueError(f'{path} has {len(lengths)} lengths for {len(order)} classes')
    return np.array(lengths)


def read_video_list(path: Path) -> list[str]:
    """Read video ids, one per line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is blank or comes twice; it is named.
    """
    names = read_lines(path)
    for number, name in enumerate(names, 1):
        if not name or name in names[: number - 1]:
            raise ValueError(f'{path}:{number}: expected another video id, got {name!r}')
    return names


def transcript_of(labels: ClassLabels) -> ClassLabels:
    """Return the classes of frames without repetitions: the order in which they come."""
    changes = np.flatnonzero(np.diff(labels.indices, prepend=-1))
    return ClassLabels(labels.order, labels.indices[changes])


def _stems(noun: str) -> Iterator[str]:
    yield noun
    for ending in ('es', 's', 'ing'):
        if noun.endswith(ending):
            yield noun.removesuffix(ending)


def _step(line: Subtitle, order: ClassOrder, where: str) -> Step:
    try:
        class_name = class_of_step(line.text, order)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    return Step(line.start_ms, line.end_ms, line.text, class_name)


def _painted(steps: list[Step], bounds: np.ndarray, count: int, order: ClassOrder) -> ClassLabels:
    indices = np.full(count, order.background, dtype=np.int64)
    for step, (begin, end) in zip(steps, bounds, strict=True):
        if step.start_ms < step.end_ms:
            indices[begin:end] = order.index_of(step.class_name)
    return ClassLabels(order, indices)


def _known(path: Path, words: Iterator[tuple[int, str]], order: ClassOrder) -> list[str]:
    names = []
    for number, name in words:
        try:
            order.index_of(name)
        except ValueError as error:
            raise ValueError(f'{path}:{number}: {error}') from error
        names.append(name)
    return names
