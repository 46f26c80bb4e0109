"""What an encoder says about video, text or sound, whichever it is and wherever it is stored."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class VideoFeatures:
    """Features of some frames of each clip, before any head.

    Args:
        frames: One vector per frame, (B, U, C).
        patches: One vector per patch, row-major over the grid, (B, U, P, C); None if not encoded.
        mask: True for real frames, (B, U) bool.
        grid: Rows and columns of the patch grid ``(h, w)``, P = h * w.

    Raises:
        ValueError: If the shapes disagree.
    """

    frames: Tensor
    patches: Tensor | None
    mask: Tensor
    grid: tuple[int, int]

    def __post_init__(self) -> None:
        if self.frames.ndim != 3 or self.mask.shape != self.frames.shape[:2]:
            raise ValueError(
                f'expected frames (B, U, C) and mask (B, U), but got {tuple(self.frames.shape)} '
                f'and {tuple(self.mask.shape)}'
            )
        if self.patches is None:
            return
        expected = (*self.mask.shape, self.grid[0] * self.grid[1])
        if self.patches.ndim != 4 or tuple(self.patches.shape[:3]) != expected:
            raise ValueError(
                f'expected patches {expected} + (C,) for grid {self.grid}, but got '
                f'{tuple(self.patches.shape)}'
            )


@dataclass(frozen=True)
class TextFeatures:
    """Features of some sentences, before any head.

    Args:
        sentence: One vector per sentence, (B, C).
        words: One vector per word (token) without start and end marks, (B, L, C).
        mask: True for real words, (B, L) bool.

    Raises:
        ValueError: If the shapes disagree.
    """

    sentence: Tensor
    words: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        if (
            self.words.ndim != 3
            or self.mask.shape != self.words.shape[:2]
            or self.sentence.shape != (self.words.shape[0], self.words.shape[2])
        ):
            raise ValueError(
                f'expected sentence (B, C), words (B, L, C), mask (B, L), but got '
                f'{tuple(self.sentence.shape)}, {tuple(self.words.shape)}, {tuple(self.mask.shape)}'
            )


@dataclass(frozen=True)
class AudioFeatures:
    """Features of the sound of each clip, before any head.

    Args:
        steps: One vector per step of time, (B, N, C).
        mask: True for steps with sound, (B, N) bool; all False for a clip without.

    Raises:
        ValueError: If the shapes disagree.
    """

    steps: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        if self.steps.ndim != 3 or self.mask.shape != self.steps.shape[:2]:
            raise ValueError(
                f'expected steps (B, N, C) and mask (B, N), but got {tuple(self.steps.shape)} '
                f'and {tuple(self.mask.shape)}'
            )


@dataclass(frozen=True)
class HeardVideoFeatures(VideoFeatures):
    """Features of frames, and of what is heard around each of them.

    Args:
        audio: Mean of the steps of sound around each frame, (B, U, A); 0 where there are none.
        heard: True where there are some, (B, U) bool.

    Raises:
        ValueError: If the shapes disagree.
    """

    audio: Tensor
    heard: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.audio.ndim != 3 or self.audio.shape[:2] != self.heard.shape:
            raise ValueError(
                f'expected audio (B, U, A) and heard (B, U), but got {tuple(self.audio.shape)} '
                f'and {tuple(self.heard.shape)}'
            )
        if self.heard.shape != self.mask.shape:
            raise ValueError(
                f'audio of {tuple(self.heard.shape)} clips and frames, but mask of '
                f'{tuple(self.mask.shape)}'
            )
