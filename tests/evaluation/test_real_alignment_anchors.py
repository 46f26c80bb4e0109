"""Published anchors of transcript alignment: MiningYouTube's steps in 512 classes, 30 s tail."""

import numpy as np
import pytest
import real_annotations

from stgr.evaluation.functional import (
    LengthPrior,
    align_transcript,
    score_timelines,
    spread_transcript,
    transcript_of,
)
from stgr.evaluation.functional.compat import align_as_released

FPS = 30
TAIL_SEC = 30


@pytest.fixture(scope='module')
def steps():
    return list(real_annotations.mining_steps().values())


def _timeline(rows, fps=FPS):
    """Label of every frame, -1 between the steps."""
    times_ms = np.arange(int((rows[:, 1].max() / 1000 + TAIL_SEC) * fps)) / fps * 1000
    labels = np.full(len(times_ms), -1)
    for start, end, label in rows:
        labels[(times_ms >= start) & (times_ms < end)] = label
    return labels


def _scores(truths, predictions):
    """IoU and IoD with background, then without, and MoF, in %."""
    pairs = list(zip(truths, predictions, strict=True))
    both = [score_timelines(pairs, include_background=b) for b in (True, False)]
    return [100 * s[k] for s in both for k in ('iou', 'iod')] + [100 * both[0]['mof']]


def test_classes_and_steps_are_those_of_the_files(steps):
    assert (len(steps), sum(map(len, steps))) == (250, 5132)
    assert len({label for rows in steps for label in rows[:, 2]}) == 512


def test_predictors_without_evidence(steps):
    truths = [_timeline(rows) for rows in steps]
    assert _scores(truths, truths) == pytest.approx([100] * 5)
    nothing = [np.full_like(truth, -1) for truth in truths]
    assert _scores(truths, nothing) == pytest.approx([4.67, 4.67, 0, 0, 59.1], abs=0.0051 * 10)
    uniform = [spread_transcript(transcript_of(truth), len(truth)) for truth in truths]
    # the published split rounds its boundaries in another, unsaid way
    assert _scores(truths, uniform)[:4] == pytest.approx([8.41, 12.76, 5.85, 8.69], abs=0.1)


def test_a_random_split_of_the_transcript(steps):
    generator, truths = np.random.default_rng(0), [_timeline(rows, 1) for rows in steps]
    split = []
    for truth in truths:
        order = transcript_of(truth)
        cuts = generator.choice(np.arange(1, len(truth)), len(order) - 1, replace=False)
        split.append(order[np.searchsorted(np.sort(cuts), np.arange(len(truth)), side='right')])
    assert _scores(truths, split)[:4] == pytest.approx([6.90, 11.63, 4.26, 7.48], abs=0.6)


def _evidence(truth, strength, generator):
    """Unit noise for every class of the video, the true one raised: a column per entry."""
    classes, order = np.unique(truth), transcript_of(truth)
    scores = generator.normal(size=(len(truth), len(classes)))
    scores[np.arange(len(truth)), np.searchsorted(classes, truth)] += strength
    return scores[:, np.searchsorted(classes, order)], order


@pytest.mark.parametrize(
    ('align', 'fps', 'strength', 'wanted', 'tolerance'),
    [
        (align_transcript, 1, 0, (5.7, 9.6), 1.3),
        (align_transcript, 1, 1, (61, 73), 3),
        (lambda scores: align_transcript(scores, block=20), FPS, 1, (89, 95), 2),
        (
            lambda s: align_as_released(s, mean_length=None, variant='webvision'),
            FPS,
            0,
            (5.8, 10.1),
            1.3,
        ),
        (
            lambda s: align_as_released(s, mean_length=None, variant='webvision'),
            FPS,
            1,
            (71, 82),
            2.5,
        ),
    ],
    ids=['noise', 'evidence', 'blocks', 'released noise', 'released evidence'],
)
def test_decoders_on_noise_and_on_evidence(steps, align, fps, strength, wanted, tolerance):
    generator, truths, predicted = np.random.default_rng(0), [], []
    for rows in steps[::5]:
        truths.append(_timeline(rows, fps))
        scores, order = _evidence(truths[-1], strength, generator)
        predicted.append(order[align(scores)])
    assert _scores(truths, predicted)[:2] == pytest.approx(wanted, abs=tolerance)


def test_the_released_length_prior_spoils_clean_evidence_of_the_bundled_example():
    folder = real_annotations.folder_of('mining_youtube', 'example/-1okAudsnAc.gt')
    words = (folder / 'example' / '-1okAudsnAc.gt').read_text().split()
    truth = np.unique(words, return_inverse=True)[1]
    assert len(truth) == 3_374
    scores, order = _evidence(truth, 2, np.random.default_rng(0))
    free = align_transcript(scores, block=20)
    strong = align_transcript(scores, block=20, prior=LengthPrior(mean_length=150.0))
    found = [_scores([truth], [order[a]])[0] for a in (free, strong, align_as_released(scores))]
    assert found == pytest.approx([95, 27, 27], abs=1.5)
