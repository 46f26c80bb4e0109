"""Platt scaling: a score becomes a probability by a scale and a bias, fitted by likelihood."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]

_STEPS = 100  # Newton needs about ten
_TOLERANCE = 1e-10
_HALVINGS = 40
# Curvature added on features of variance 1: one that is constant must not make a step infinite.
_RIDGE = 1e-9


@dataclass(frozen=True)
class LogisticMap:
    """Probability ``1 / (1 + exp(-(weights . features + bias)))``.

    With one feature this is Platt scaling, and on a logit temperature scaling with a bias. No
    weight is negative, so a higher score never becomes a lower probability. Source: Platt,
    "Probabilistic outputs for support vector machines", 1999; Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017.

    Args:
        weights: One per feature, >= 0, (K,).
        bias: Log odds where all features are 0.

    Raises:
        ValueError: If there is no feature, or a number is not finite or a weight negative.
    """

    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        if not self.weights or not all(math.isfinite(w) and w >= 0 for w in self.weights):
            raise ValueError(f'expected finite weights >= 0, at least one, but got {self.weights}')
        if not math.isfinite(self.bias):
            raise ValueError(f'expected a finite bias, but got {self.bias}')

    @property
    def temperature(self) -> float:
        """What the first feature is divided by; infinite if it says nothing."""
        return 1 / self.weights[0] if self.weights[0] else math.inf

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return the probability of each row of features, (N, K) to (N,)."""
        features = np.asarray(features, np.float64)
        if features.ndim != 2 or features.shape[1] != len(self.weights):
            raise ValueError(
                f'expected features (N, {len(self.weights)}), but got {features.shape}'
            )
        return _sigmoid(features @ np.asarray(self.weights) + self.bias)


def fit_logistic(
    features: FloatArray, right: NDArray[np.bool_], *, sample_weights: FloatArray | None = None
) -> LogisticMap:
    """Return the map under which the outcomes are most likely.

    The targets are Platt's, (n+ + 1) / (n+ + 2) and 1 / (n- + 2) instead of 1 and 0, so that
    outcomes which the features separate do not give infinite weights. A feature whose best weight
    would be negative gets none; of the choices of such features the most likely one is taken.

    Args:
        features: (N, K).
        right: What came true, (N,) bool; some must and some must not.
        sample_weights: How much each outcome counts, > 0, (N,); None: all the same.

    Returns:
        The map.

    Raises:
        ValueError: If shapes disagree, a number is not finite or all outcomes are the same.
    """
    features, right = np.asarray(features, np.float64), np.asarray(right, np.bool_)
    weights = np.ones(len(right)) if sample_weights is None else np.asarray(sample_weights)
    _check(features, right, weights)
    num_right, num_wrong = int(right.sum()), int((~right).sum())
    targets = np.where(right, (num_right + 1) / (num_right + 2), 1 / (num_wrong + 2))
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (features - mean) / spread
    best = _best_allowed(scaled, targets, weights / weights.sum())
    slopes = best[:-1] / spread
    return LogisticMap(tuple(slopes.tolist()), float(best[-1] - slopes @ mean))


def _best_allowed(features: FloatArray, targets: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the likeliest parameters, (K + 1,), the bias last, without a negative slope.

    The loss is convex, so the best parameters are those of the best set of features that are not
    held at 0; all sets are tried, and no smaller one if the whole one is allowed.
    """
    num_features = features.shape[1]
    found: list[tuple[float, FloatArray]] = []
    for size in range(num_features, -1, -1):
        for kept in combinations(range(num_features), size):
            parameters = np.zeros(num_features + 1)
            used = [*kept, num_features]
            design = np.column_stack([features[:, list(kept)], np.ones(len(features))])
            parameters[used] = _newton(design, targets, weights)
            if (parameters[:-1] >= 0).all():
                found.append((_loss(design, parameters[used], targets, weights), parameters))
        if size == num_features and found:
            break
    return min(found, key=lambda one: one[0])[1]


def _newton(design: FloatArray, targets: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the parameters of the least loss, by Newton steps that are halved until it falls."""
    parameters = np.zeros(design.shape[1])
    loss = _loss(design, parameters, targets, weights)
    for _ in range(_STEPS):
        probabilities = _sigmoid(design @ parameters)
        slope = design.T @ (weights * (probabilities - targets))
        curvature = design.T @ (design * (weights * probabilities * (1 - probabilities))[:, None])
        step = np.linalg.solve(curvature + _RIDGE * np.eye(len(slope)), slope)
        if np.abs(slope).max() < _TOLERANCE:
            break
        for halving in range(_HALVINGS):
            tried = parameters - step / 2**halving
            lower = _loss(design, tried, targets, weights)
            if lower <= loss:
                parameters, loss = tried, lower
                break
        else:
            break
    return parameters


def _loss(
    design: FloatArray, parameters: FloatArray, targets: FloatArray, weights: FloatArray
) -> float:
    """Return the mean negative log likelihood of targets in [0, 1]."""
    logits = design @ parameters
    return float(weights @ (np.logaddexp(0, logits) - targets * logits))


def _sigmoid(logits: FloatArray) -> FloatArray:
    found: FloatArray = np.exp(-np.logaddexp(0, -logits))
    return found


def _check(features: FloatArray, right: NDArray[np.bool_], weights: FloatArray) -> None:
    if features.ndim != 2 or right.shape != features.shape[:1] or weights.shape != right.shape:
        raise ValueError(
            f'expected features (N, K), outcomes (N,) and weights (N,), but got {features.shape}, '
            f'{right.shape} and {weights.shape}'
        )
    if right.all() or not right.any():
        only = 'right' if right.any() else 'wrong'
        raise ValueError(
            f'a calibration needs right and wrong answers, but all {len(right)} are {only}; '
            'give more validation videos'
        )
    if not (np.isfinite(features).all() and np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError('expected finite features and finite weights > 0')
