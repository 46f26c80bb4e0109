"""Alignment with a Python dictionary of hypotheses: slow, plain, one frame block at a time."""

import math


def poisson(length, mean):
    """Log-probability of a length; 0 without a mean."""
    if mean is None:
        return 0.0
    return length * math.log(mean) - mean - math.lgamma(length + 1)


def align(scores, *, block=1, max_length=None, mean_length=None):
    """Clean alignment: hypotheses are (entry, frames it has) with their score and history."""
    num_frames, num_entries = len(scores), len(scores[0])

    def allowed(length):
        return max_length is None or length <= max_length

    hypotheses = {}
    for start in range(0, num_frames, block):
        frames = scores[start : start + block]
        gains = [sum(float(frame[k]) for frame in frames) for k in range(num_entries)]
        new = {}

        def keep(key, score, history, new=new):
            # equal scores: the history whose last entries begin earliest
            if key not in new or (score, _late_first(history)) > new[key][:2]:
                new[key] = (score, _late_first(history), history)

        if start == 0:
            keep((0, len(frames)), gains[0], (0,))
        for (entry, length), (score, _, history) in hypotheses.items():
            keep((entry, length + len(frames)), score + gains[entry], history)
            if entry + 1 < num_entries and allowed(length):
                total = score + poisson(length, mean_length) + gains[entry + 1]
                keep((entry + 1, len(frames)), total, (*history, start))
        hypotheses = new
    finals = [
        (score + poisson(length, mean_length), order, history)
        for (entry, length), (score, order, history) in hypotheses.items()
        if entry == num_entries - 1 and allowed(length)
    ]
    starts = [*max(finals)[2], num_frames]
    return [k for k in range(num_entries) for _ in range(starts[k + 1] - starts[k])]


def _late_first(history):
    return tuple(-start for start in reversed(history))


def align_as_released(scores, *, block, mean_length, variant):
    """The released decoder's steps, written anew from its description (compat.alignment)."""
    num_frames, num_entries = len(scores), len(scores[0])

    def between(first, end, entry):
        return sum(float(scores[t][entry]) for t in range(first, end))

    hypotheses = {(0, block): (between(0, block, 0), [0] * block)}
    for t in range(0, num_frames, block):
        new = {}
        for (entry, length), (score, labels) in hypotheses.items():
            score += between(max(t - block + 1, 0), t + 1, entry)  # also if the entry ends here
            changed = score + poisson(length, mean_length)
            for key, total in (
                ((entry, length + block), score),
                ((entry + 1, block), changed),
            ):
                if key[0] < num_entries and (key not in new or new[key][0] < total):
                    new[key] = (total, labels + [key[0]] * block)
        hypotheses = new
    _, labels = max(
        (score + poisson(length, mean_length), labels)
        for (entry, length), (score, labels) in hypotheses.items()
        if entry == num_entries - 1
    )
    return labels[block if variant == 'mining' else 0 :][:num_frames]
