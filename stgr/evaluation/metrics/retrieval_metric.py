"""Text-video retrieval as an MMEngine metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stgr.evaluation.functional import score_retrieval
from stgr.evaluation.functional.retrieval import TIE_RULES
from stgr.evaluation.metrics.unit_metric import Unit, UnitMetric
from stgr.registry import METRICS


@METRICS.register_module()
class RetrievalMetric(UnitMetric):
    """R@1, R@5, R@10, median and mean rank, text to video and video to text.

    A data sample is one text with its video: ``text_id``, ``video_id``, ``text_embed`` (D,) and
    ``video_embed`` (D,). Several texts of one video are candidates of their own; the video's
    embedding is that of its first sample. Similarity: cosine in float64. Scores:
    ``score_retrieval``. No text may come twice; ``coverage/`` says what is covered, see
    ``UnitMetric``.

    Args:
        ties: ``'expected'``, ``'optimistic'`` or ``'pessimistic'``, see ``Ranking.ranks``.
        collect_device: Where ranks exchange their results, ``'cpu'`` or ``'gpu'``.
        collect_dir: Shared folder for that on the CPU; None means one below the working folder.
        prefix: Put before every key; None means ``retrieval``.

    Raises:
        ValueError: If the tie rule is unknown.
    """

    default_prefix = 'retrieval'
    unit_noun = 'texts'

    def __init__(
        self,
        ties: str = 'expected',
        *,
        collect_device: str = 'cpu',
        collect_dir: str | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if ties not in TIE_RULES:
            raise ValueError(f'ties must be one of {TIE_RULES}, but got {ties!r}')
        self.ties = ties

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep each pair's embeddings, scaled to length 1.

        Args:
            data_batch: Not used.
            data_samples: Mappings with the keys above.
        """
        del data_batch
        for sample in data_samples:
            name = str(sample['video_id'])
            embeds = [_unit(sample, key, name) for key in ('text_embed', 'video_embed')]
            self.results.append((str(sample['text_id']), name, *embeds))

    def compute_metrics(
        self, results: list[tuple[str, str, np.ndarray, np.ndarray]]
    ) -> dict[str, float]:
        """Return the scores of both directions.

        Args:
            results: Names and embeddings of every text and its video of every rank.

        Returns:
            The keys of ``score_retrieval``; ``coverage/key``.

        Raises:
            ValueError: If a text comes twice, see ``cover``.
        """
        covered = self.cover([Unit(text_id, video_id=name) for text_id, name, *_ in results])
        videos: dict[str, np.ndarray] = {}
        for _, name, _, video in results:
            videos.setdefault(name, video)
        number = {name: i for i, name in enumerate(videos)}
        texts = np.stack([text for _, _, text, _ in results])
        similarity = texts @ np.stack(list(videos.values())).T
        truths = np.asarray([number[name] for _, name, _, _ in results])
        return score_retrieval(similarity, truths, ties=self.ties) | covered


def _unit(sample: Mapping[str, Any], key: str, name: str) -> np.ndarray:
    embed = np.asarray(sample[key], np.float64)
    length = np.linalg.norm(embed)
    if embed.ndim != 1 or not np.isfinite(length) or length == 0:
        raise ValueError(
            f'video {name!r}: {key} must be a finite vector (D,) of some length, but is '
            f'{embed.shape} of length {length}'
        )
    return embed / length
