"""How many of a model's spans are right, and how many of the true ones it finds."""

from dataclasses import dataclass

from stgr.apis.calibration.questions import Questions, true_spans


@dataclass(frozen=True)
class SpanQuality:
    """Counts of spans over all videos; those of queries that do not happen stand apart.

    A span is right if its temporal IoU with a true one of its query is at least 0.5.

    Args:
        true: True spans, each asked for once.
        answered: Spans of queries that happen in their video.
        right: How many of these are right.
        elsewhere: Spans of queries that do not happen in their video.
    """

    true: int
    answered: int
    right: int
    elsewhere: int

    @property
    def f1(self) -> float:
        """Harmonic mean of the right share of ``answered`` and of ``true``; 0 if none is right."""
        return 2 * self.right / max(self.answered + self.true, 1)


def judge_spans(questions: Questions, mode: str) -> SpanQuality:
    """Count the spans of a model's answers.

    Args:
        questions: The answers and the truth.
        mode: ``'queries'``: each query asked alone of every video; ``'actions'``: those of the
            video's own pool competing, all of which happen somewhere in it.
    """
    true = answered = right = elsewhere = 0
    for video in questions.videos:
        labels = questions.truth[video.video_id]
        true += sum(len(true_spans(labels, name)) for name in questions.queries)
        for one in video.spans[mode]:
            if video.happens[one.query]:
                answered += 1
                right += one.right
            else:
                elsewhere += 1
    return SpanQuality(true, answered, right, elsewhere)
