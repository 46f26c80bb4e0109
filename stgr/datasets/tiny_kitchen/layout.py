"""Random shots: which things lie where, in what colours, on what table."""

import cv2
import numpy as np

from stgr.datasets.tiny_kitchen.scene import MARGIN, Action, Shot, Thing, paint
from stgr.datasets.tiny_kitchen.vocabulary import NOUNS, TOOLS, Step

_CLEARANCE = 0.3  # smallest distance between the middles of two things at rest


def random_colours(rng: np.random.Generator) -> np.ndarray:
    """Return a light fill and a dark line colour, (2, 3) float32; they say nothing of the thing."""
    hue, saturation = rng.uniform(0, 180, 2), rng.uniform(30, 200, 2)
    hsv = np.stack([hue, saturation, [rng.uniform(170, 255), rng.uniform(10, 60)]], axis=1)
    return cv2.cvtColor(hsv[None].astype(np.uint8), cv2.COLOR_HSV2RGB)[0].astype(np.float32)


def random_table(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Return a textured table top, (height, width, 3) uint8: cloudy colour, boards, grain."""
    size = (width, height)
    base = (rng.uniform(90, 170) + rng.uniform(-30, 30, 3)).astype(np.float32)
    clouds = 6 * rng.standard_normal((6, 8, 3), np.float32)
    clouds = clouds + (base + 10 * rng.standard_normal((6, 8, 1), np.float32))
    table = cv2.resize(clouds, size, interpolation=cv2.INTER_CUBIC)
    period = rng.uniform(0.12, 0.4) * min(width, height)
    direction = rng.uniform(0, np.pi)
    turn = np.float32(2 * np.pi / period)
    columns = turn * np.float32(np.cos(direction)) * np.arange(width, dtype=np.float32)
    rows = turn * np.float32(np.sin(direction)) * np.arange(height, dtype=np.float32)
    light = np.float32(rng.uniform(2, 10)) * np.sin(columns + rows[:, None])  # boards
    grain = 5 * rng.standard_normal((height // 3 + 1, width // 3 + 1), np.float32)
    light = light + cv2.resize(grain, size, interpolation=cv2.INTER_LINEAR)
    return np.clip(table + light[..., None], 0, 255).astype(np.uint8)


def random_shot(
    rng: np.random.Generator,
    size: tuple[int, int],
    *,
    step: Step | None = None,
    kind: str = 'action',
    palette: dict[str, np.ndarray] | None = None,
) -> tuple[Shot, list[str]]:
    """Return a shot and the names of the things in it that do not take part.

    Args:
        rng: Source of all choices.
        size: Frame width and height in pixels.
        step: What is done; only for ``kind='action'``.
        kind: ``'action'``, ``'talk'``, ``'pan'`` or ``'table'`` (hardly anything on it).
        palette: Colours of the things of this video; a thing that is not in it gets new ones.
    """
    width, height = size
    unit = min(size)
    area = np.array(size) / unit
    taken: list[np.ndarray] = []
    action = None
    head = None
    if kind == 'action':
        assert step is not None, 'an action shot needs a step'
        action = _random_action(rng, step, area, palette or {})
        taken += [np.array([t.x, t.y]) for t in (action.target, action.tool)]
    elif kind == 'talk':
        radius = rng.uniform(0.2, 0.3)
        head = (*rng.uniform(radius, area - radius), radius)
        taken.append(np.array(head[:2]))
    n_nouns, n_tools = (
        (1, 1) if kind == 'table' else (int(rng.integers(2, 4)), int(rng.integers(1, 3)))
    )
    names = _bystanders(rng, step, n_nouns, n_tools)
    things = _place(rng, names, area, taken, palette or {})
    margin = round(MARGIN * unit)
    background = random_table(rng, width + 2 * margin, height + 2 * margin)
    moving = []
    for i, thing in enumerate(things):
        if i == 0 and rng.random() < 0.5:
            thing.jiggle = rng.uniform(0.02, 0.05)
            moving.append(thing)
        else:
            paint(background, thing, unit, (margin, margin))
    reach = MARGIN * (0.95 if kind == 'pan' else rng.uniform(0, 0.5))
    drift = np.stack(
        [[reach, reach * 0.7], rng.uniform(0.03, 0.12, 2), rng.uniform(0, 2 * np.pi, 2)], axis=1
    )
    shot = Shot(width, height, background, moving, action, drift, head)
    return shot, [thing.name for thing in things]


def close_up(rng: np.random.Generator, size: tuple[int, int], name: str) -> Shot:
    """Return a shot of one thing alone, seen from near."""
    width, height = size
    unit = min(size)
    margin = round(MARGIN * unit)
    thing = _thing(rng, name, rng.uniform(0.3, np.array(size) / unit - 0.3), {})
    thing.size = float(np.exp(rng.uniform(np.log(0.35), np.log(0.65))))
    background = random_table(rng, width + 2 * margin, height + 2 * margin)
    paint(background, thing, unit, (margin, margin))
    return Shot(width, height, background)


def _thing(
    rng: np.random.Generator, name: str, xy: np.ndarray, palette: dict[str, np.ndarray]
) -> Thing:
    colours = palette[name] if name in palette else random_colours(rng)
    size, angle = rng.uniform(0.28, 0.37), rng.normal(0, 0.25)
    return Thing(name, colours, float(xy[0]), float(xy[1]), size, angle)


def _random_action(
    rng: np.random.Generator, step: Step, area: np.ndarray, palette: dict[str, np.ndarray]
) -> Action:
    """Put the object anywhere and the tool's tip on it."""
    target = _thing(rng, step.noun, rng.uniform([0.16, 0.24], area - 0.16), palette)
    target.size = rng.uniform(0.3, 0.39)
    tool = _thing(rng, step.verb.tool, np.zeros(2), palette)
    tool.size = rng.uniform(0.36, 0.45)
    # The tip is the lower end of the sprite; the handle leans away from the nearer side.
    lean = rng.uniform(0.0, 0.6) * (1 if target.x > area[0] / 2 else -1)
    tool.angle = -lean if step.verb.tool != 'roller' else rng.normal(0, 0.3)
    tip = np.array([target.x, target.y]) + rng.uniform(-0.25, 0.25, 2) * target.size
    arm = 0.3 * tool.size if step.verb.tool != 'roller' else 0.12 * tool.size
    tool.x = float(tip[0] + arm * np.sin(tool.angle))
    tool.y = float(tip[1] - arm * np.cos(tool.angle))
    return Action(
        target,
        tool,
        step.verb.motion,
        rng.uniform(0.03, 0.06),
        rng.uniform(0.7, 1.6),
        rng.uniform(0, 2 * np.pi),
    )


def _bystanders(
    rng: np.random.Generator, step: Step | None, n_nouns: int, n_tools: int
) -> list[str]:
    """Return names of things from the same vocabulary that have no part in the action."""
    nouns = [noun for noun in NOUNS if step is None or noun != step.noun]
    tools = [tool for tool in TOOLS if step is None or tool != step.verb.tool]
    chosen = [
        *rng.choice(nouns, n_nouns, replace=False),
        *rng.choice(tools, n_tools, replace=False),
    ]
    return [str(name) for name in rng.permutation(chosen)]


def _place(
    rng: np.random.Generator,
    names: list[str],
    area: np.ndarray,
    taken: list[np.ndarray],
    palette: dict[str, np.ndarray],
) -> list[Thing]:
    """Lay things apart from each other; one that finds no room after some tries is left out."""
    things = []
    for name in names:
        for xy in rng.uniform(0.1, area - 0.1, (12, 2)):
            if all(np.linalg.norm(xy - other) > _CLEARANCE for other in taken):
                taken.append(xy)
                things.append(_thing(rng, name, xy, palette))
                break
    return things
