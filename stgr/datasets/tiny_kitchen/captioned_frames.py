"""Single pictures of the world with clean captions, drawn on demand, to pretrain a CLIP on."""

import numpy as np
from torch.utils.data import Dataset

from stgr.datasets.tiny_kitchen.layout import close_up, random_shot
from stgr.datasets.tiny_kitchen.narration import caption_shot, caption_thing
from stgr.datasets.tiny_kitchen.scene import action_box, render
from stgr.datasets.tiny_kitchen.vocabulary import NOUNS, SEEN_STEPS, TOOLS
from stgr.registry import DATASETS

FRAME_SIZES = ((256, 192), (320, 180), (224, 224), (192, 256))
_THINGS = (*NOUNS, *TOOLS)
_KINDS = ('talk', 'pan', 'table')


@DATASETS.register_module()
class TinyKitchenFrames(Dataset):
    """Endless variety of (picture, clean caption) pairs without held-out verb-noun pairs.

    Picture ``i`` of a seed is always the same. Nothing is shared with generated videos: those draw
    from seeds in another number space. Read in order, the set is a curriculum: it begins with
    ``first_shares`` and moves to ``shares`` over its length, because a small transformer that sees
    crowded pictures first does not learn to tell shapes for a long time.

    Args:
        length: Pictures of an epoch.
        seed: World of this set; train and validation sets take different ones.
        image_size: Side of the square pictures in pixels; the frame is squashed, as at test time.
        shares: Shares of close-ups of one thing, of actions and of background shots; sum 1.
        first_shares: The same at the beginning; None for ``shares`` throughout.
        steps: Names of the steps that may occur; None for all that are not held out.
        cut_out_share: Share of the actions that are cut out of their surroundings.
    """

    def __init__(
        self,
        length: int,
        *,
        seed: int = 0,
        image_size: int = 112,
        shares: tuple[float, float, float] = (0.2, 0.6, 0.2),
        first_shares: tuple[float, float, float] | None = None,
        steps: tuple[str, ...] | None = None,
        cut_out_share: float = 0.5,
    ) -> None:
        self.length = length
        self.seed = seed
        self.image_size = image_size
        self.shares = np.array(shares)
        self.first_shares = np.array(first_shares or shares)
        self.steps = [step for step in SEEN_STEPS if steps is None or step.name in steps]

        self.cut_out_share = cut_out_share

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        """Return ``image`` (S, S, 3) uint8 RGB, ``caption`` and ``step`` ('' for no action).

        Raises:
            IndexError: If there is no such picture, so that a loop over the set ends.
        """
        import cv2

        if not 0 <= index < self.length:
            raise IndexError(f'index must be from 0 to {self.length - 1}, but got {index}')
        rng = np.random.default_rng([0xF0, self.seed, index])
        progress = index / self.length
        shares = (1 - progress) * self.first_shares + progress * self.shares
        kind = rng.choice(['close-up', 'action', 'background'], p=shares)
        size = self._frame_size(rng)
        if kind == 'close-up':
            name = _THINGS[rng.integers(len(_THINGS))]
            image, step_name = render(close_up(rng, size, name), 0.0), ''
            caption = caption_thing(rng, name)
        elif kind == 'action':
            image, caption, step_name = self._action(rng, size)
        else:
            background = _KINDS[rng.integers(len(_KINDS))]
            shot, bystanders = random_shot(rng, size, kind=background)
            image, step_name = render(shot, rng.uniform(0, 10)), ''
            caption = caption_shot(rng, None, background, bystanders)
        square = cv2.resize(image, (self.image_size,) * 2, interpolation=cv2.INTER_AREA)
        return {'image': square, 'caption': caption, 'step': step_name}

    def _frame_size(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return a frame size near the one used: four times less to paint than the video's."""
        width, height = FRAME_SIZES[rng.integers(len(FRAME_SIZES))]
        scale = rng.uniform(1.0, 1.5) * self.image_size / min(width, height)
        return round(width * scale), round(height * scale)

    def _action(
        self, rng: np.random.Generator, size: tuple[int, int]
    ) -> tuple[np.ndarray, str, str]:
        """Return a picture of an action, now and then cut out of its surroundings."""
        step = self.steps[rng.integers(len(self.steps))]
        shot, bystanders = random_shot(rng, size, step=step)
        time_sec = rng.uniform(0, 10)
        image = render(shot, time_sec)
        if rng.random() < self.cut_out_share:
            image, bystanders = _cut_out(rng, image, action_box(shot, time_sec)), []
        return image, caption_shot(rng, step, 'action', bystanders), step.name


def _cut_out(
    rng: np.random.Generator, image: np.ndarray, box: tuple[int, int, int, int] | None
) -> np.ndarray:
    """Return a random part of a picture that holds the box, half of its size or more."""
    assert box is not None, 'an action shot has a box'
    height, width = image.shape[:2]
    share = rng.uniform(0.5, 1.0)
    bounds = []
    for low, high, full in ((box[0], box[2], width), (box[1], box[3], height)):
        side = max(high - low, round(share * full))
        start = rng.integers(max(0, high - side), min(low, full - side) + 1)
        bounds.append(slice(start, start + side))
    return image[bounds[1], bounds[0]]
