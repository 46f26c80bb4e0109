"""How probable answers are, by what was learnt on validation videos."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stgr.calibration import BackgroundBank, Calibration, calibration_sha256
from stgr.localizers import TemporalAnswer
from stgr.structures.spans import check_probability

if TYPE_CHECKING:
    from stgr.models.grounders.base_grounder import BaseGrounder
    from stgr.structures.features import TextFeatures

Settings = Mapping[str, float | int | str | bool | None]


class AnswerJudge:
    """Give answers their probabilities, and drop what is improbable.

    Args:
        calibration: What turns similarities into probabilities; None: there are none. At another
            rate than its own a warning says so, and there are none either.
        min_score: Probability that a query happens below which it is not found; None: whatever
            reaches the threshold is found.
        rate_fps: Evaluated frames per second.
        model_name: Who is calibrated, for messages.

    Attributes:
        calibration: The one that holds, None if there is none.

    Raises:
        ValueError: If ``min_score`` is no probability, or given without a calibration that holds.
    """

    def __init__(
        self,
        calibration: Calibration | None,
        *,
        min_score: float | None,
        rate_fps: float,
        model_name: str,
    ) -> None:
        check_probability(min_score, 'min_score')
        reason = None if calibration is None else calibration.why_not(rate_fps)
        if min_score is not None and calibration is None:
            raise ValueError(
                f'min_score is a probability, and {model_name} has no calibration to tell it; make '
                'one with stgr calibrate, or give a threshold, which is a similarity'
            )
        if min_score is not None and reason is not None:
            raise ValueError(reason)
        if reason is not None:
            warnings.warn(f'answers have no probabilities: {reason}', stacklevel=3)
        self.min_score = min_score
        self.calibration = calibration if reason is None else None
        self._sha256 = None if self.calibration is None else calibration_sha256(self.calibration)

    def settings(self) -> dict[str, float | int | str | bool | None]:
        """Return what decides probabilities; nothing without calibration."""
        if self.calibration is None:
            return {}
        return {'calibration_sha256': self._sha256, 'min_score': self.min_score}

    def probabilities(
        self, model: 'BaseGrounder', similarity: np.ndarray, text: 'TextFeatures'
    ) -> Sequence[float | None]:
        """Return how probable it is that each query happens, None each without calibration.

        Args:
            model: The model that was calibrated.
            similarity: Of each query and frame of a video, (Q, F).
            text: Features of the queries.
        """
        calibration = self.calibration
        if calibration is None:
            return [None] * len(similarity)
        on_background = None
        if calibration.occurrence.uses_background and calibration.bank is not None:
            on_background = background_scores(model, calibration.bank, text)
        found: list[float] = calibration.occurrence(similarity, on_background).tolist()
        return found

    def __call__(
        self,
        answers: Sequence[TemporalAnswer],
        probabilities: Sequence[float | None],
        settings: Settings,
    ) -> tuple[TemporalAnswer, ...]:
        """Return answers with the probabilities of their spans, none for improbable queries.

        Args:
            answers: When each query happens.
            probabilities: Of each query, see ``probabilities``.
            settings: What decided the answers: spans are judged if they were fitted with the same.
        """
        if self.calibration is None:
            return tuple(answers)
        judge = self.calibration.spans.get(str(settings['mode']))
        judge = judge if judge is not None and judge.fits(settings) else None
        judged = []
        for answer, probability in zip(answers, probabilities, strict=True):
            assert probability is not None, 'a calibrated model knows how probable a query is'
            spans = answer.spans
            if self.min_score is not None and probability < self.min_score:
                judged.append(TemporalAnswer(np.zeros_like(answer.active), ()))
                continue
            if judge is not None:
                values = judge(spans).tolist()
                spans = tuple(replace(s, probability=p) for s, p in zip(spans, values, strict=True))
            judged.append(TemporalAnswer(answer.active, spans))
        return tuple(judged)


def background_scores(
    model: 'BaseGrounder', bank: BackgroundBank, text: 'TextFeatures'
) -> np.ndarray:
    """Return the similarity of each query and background frame, (Q, N) float32."""
    import torch

    from stgr.structures.features import VideoFeatures

    patches = None if bank.patches is None else bank.patches.to(model.device).float()[None]
    mask = torch.ones(1, len(bank.frames), dtype=torch.bool, device=model.device)
    frames = bank.frames.to(model.device).float()[None]
    with torch.no_grad():
        found = model.similarity(VideoFeatures(frames, patches, mask, bank.grid), text)
    scores: np.ndarray = found.cpu().numpy()
    return scores
