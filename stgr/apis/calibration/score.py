"""What probabilities are worth on videos that nothing was chosen on, beside controls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stgr.apis.answer_judge import background_scores
from stgr.apis.calibration.fit import Table, occurrence_table, span_table
from stgr.apis.calibration.questions import MODES, Questions
from stgr.calibration import Calibration
from stgr.evaluation.functional import balanced_weights, bin_equal_mass, score_found

if TYPE_CHECKING:
    from stgr.apis.inferencer import GroundingInferencer

LEVEL = 0.95
PLAIN_THRESHOLD = 0.5


@dataclass(frozen=True)
class Predictor:
    """Probabilities of one system, or what stands in for them, and what it says is found.

    Args:
        values: Of each question, (N,).
        decisions: What is said to be found, by name of the rule, (N,) bool each.
    """

    values: np.ndarray
    decisions: Mapping[str, np.ndarray]


def score_calibration(
    inferencer: 'GroundingInferencer',
    questions: Questions,
    calibration: Calibration,
    *,
    num_resamples: int = 500,
    seed: int = 0,
    num_bins: int = 10,
) -> dict[str, Any]:
    """Return how good a calibration is, with intervals over videos.

    Args:
        inferencer: The model that was asked; it has the thresholds.
        questions: Its answers on test videos.
        calibration: What was fitted on others.
        num_resamples: Resamples of the videos for the intervals.
        seed: Of the resamples and of the permuted control.
        num_bins: Bins of equal mass.

    Returns:
        ``occurrence``: ``{system: {score: {estimate, low, high}}}`` for ``cosine`` (the highest
        similarity taken as a probability, found by the model's threshold: before calibration),
        ``calibrated``, ``constant`` (always 1/2) and ``permuted`` (every query answered as if
        another had been asked); ``spans_queries`` and ``spans_actions``: the same of spans, without
        decisions and controls but ``constant``, the share right on validation; ``reliability``: the
        bins before and after of each; and the counts.

    Raises:
        ValueError: If everything that is asked happens, as with a single video.
    """
    table = occurrence_table(questions, 1, None)
    if table.right.all():
        raise ValueError(
            f'each of {len(table.right)} questions about {len(questions.videos)} test videos asks '
            'for what happens, so not found cannot be scored; give more videos with other actions'
        )
    predictors = _occurrence(inferencer, questions, calibration, seed)
    groups: dict[str, tuple[Table, dict[str, Predictor]]] = {'occurrence': (table, predictors)}
    for mode in MODES:
        spans = span_table(questions, mode)
        judge = calibration.spans.get(mode)
        if judge is not None and spans.right.any() and not spans.right.all():
            share = calibration.provenance['spans'][mode]['share_right']
            groups[f'spans_{mode}'] = (
                spans,
                {
                    'cosine': Predictor(np.clip(spans.features[:, 0], 0, 1), {}),
                    'calibrated': Predictor(judge.logistic(spans.features), {}),
                    'constant': Predictor(np.full(len(spans.right), share), {}),
                },
            )
    document: dict[str, Any] = {
        'videos': len(questions.videos),
        'queries': len(questions.queries),
        'questions': len(table.right),
        'happening': int(table.right.sum()),
        'min_score': calibration.min_score,
        'resamples': num_resamples,
        'seed': seed,
        'reliability': {},
    }
    for group, (rows, systems) in groups.items():
        document[group] = {
            name: _with_intervals(
                _scorer(rows, one, balanced=group == 'occurrence', num_bins=num_bins),
                len(questions.videos),
                num_resamples,
                seed,
            )
            for name, one in systems.items()
        }
        document['reliability'][group] = {
            name: _bins(systems[name].values, rows, num_bins) for name in ('cosine', 'calibrated')
        }
    return document


def _occurrence(
    inferencer: 'GroundingInferencer', questions: Questions, calibration: Calibration, seed: int
) -> dict[str, Predictor]:
    """Return the systems that say whether queries happen."""
    rules = {'0.5': PLAIN_THRESHOLD, 'min_score': calibration.min_score}

    def judged(asked: Questions) -> Predictor:
        """Return what stgr ground says: what is probable must also be seen in some frame."""
        values, seen = _probabilities(inferencer, asked, calibration), _found(asked)
        return Predictor(values, {name: (values >= at) & seen for name, at in rules.items()})

    highest = np.concatenate([video.frame_scores.max(axis=1) for video in questions.videos])
    said = {'threshold': _found(questions), '0.5': highest >= PLAIN_THRESHOLD}
    return {
        'cosine': Predictor(np.clip(highest, 0, 1), said),
        'calibrated': judged(questions),
        'permuted': judged(questions.permuted(seed)),
        'constant': Predictor(np.full(len(highest), PLAIN_THRESHOLD), {}),
    }


def _found(questions: Questions) -> np.ndarray:
    """Return what the model finds by its threshold, (N,) bool."""
    return np.concatenate([video.found for video in questions.videos])


def _probabilities(
    inferencer: 'GroundingInferencer', questions: Questions, calibration: Calibration
) -> np.ndarray:
    """Return the probability of every question, (N,)."""
    import torch

    occurrence, on_background = calibration.occurrence, None
    if occurrence.uses_background and calibration.bank is not None:
        with torch.no_grad():
            text = inferencer.model.encode_text(list(questions.queries))
            on_background = background_scores(inferencer.model, calibration.bank, text)
    rows = [occurrence(video.frame_scores, on_background) for video in questions.videos]
    return np.concatenate(rows)


def _scorer(
    table: Table, predictor: Predictor, *, balanced: bool, num_bins: int
) -> Callable[[np.ndarray], dict[str, float]]:
    """Return the scores given how often each video counts, (V,)."""

    def score(counts: np.ndarray) -> dict[str, float]:
        times = counts[table.videos]
        weights = balanced_weights(table.right, times) if balanced else table.weights * times
        found = score_found(
            predictor.values, table.right, sample_weights=np.nan_to_num(weights), num_bins=num_bins
        )
        for name, said in predictor.decisions.items():
            found[f'accuracy@{name}'] = _mean(said == table.right, weights)
            found[f'found_of_happening@{name}'] = _mean(said, weights * table.right)
            found[f'not_found_of_absent@{name}'] = _mean(~said, weights * ~table.right)
        return found

    return score


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    total = float(weights.sum())
    return float((values * weights).sum() / total) if total > 0 else float('nan')


def _with_intervals(
    score: Callable[[np.ndarray], dict[str, float]],
    num_videos: int,
    num_resamples: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Return every score with the percentile interval over resampled videos."""
    generator = np.random.default_rng(seed)
    shares = np.full(num_videos, 1 / num_videos)
    draws = [
        score(counts.astype(np.float64))
        for counts in generator.multinomial(num_videos, shares, num_resamples)
    ]
    tail = 50 * (1 - LEVEL)
    found = {}
    for name, estimate in score(np.ones(num_videos)).items():
        values = [draw.get(name, np.nan) for draw in draws]
        low, high = np.nanpercentile(values, [tail, 100 - tail])
        found[name] = {'estimate': estimate, 'low': float(low), 'high': float(high)}
    return found


def _bins(values: np.ndarray, table: Table, num_bins: int) -> dict[str, list[float]]:
    bins = bin_equal_mass(values, table.right, sample_weights=table.weights, num_bins=num_bins)
    return {
        'edges': bins.edges.tolist(),
        'counts': bins.counts.tolist(),
        'scores': bins.scores.tolist(),
        'accuracy': bins.accuracy.tolist(),
    }
