"""What a grounder expects of a local head: scores of pairs, scores of frames and heat maps."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from stgr.models.heads.global_head import start_as_identity


class LocalHead(nn.Module, ABC):
    """Compare the patches of the selected frames with the words of a narration.

    A head is given features as the backbone makes them, and projects them itself. Masks are True
    where an item is real; None means that everything is.

    Args:
        video_dim: Width of the patch features.
        text_dim: Width of the word features.
        dim: Shared width D.
        identity_init: Start the projections from the backbone's own space, as in ``GlobalHead``.

    Raises:
        ValueError: If ``identity_init`` is asked for and the widths differ.
    """

    def __init__(
        self, video_dim: int, text_dim: int, dim: int, *, identity_init: bool = False
    ) -> None:
        super().__init__()
        self.dim = dim
        self.video_proj = nn.Linear(video_dim, dim)
        self.text_proj = nn.Linear(text_dim, dim)
        if identity_init:
            start_as_identity(self.video_proj)
            start_as_identity(self.text_proj)

    def project_video(self, patches: Tensor) -> Tensor:
        """Return the patches in the shared space, (..., C) -> (..., D)."""
        return self.video_proj(patches)

    def project_text(self, words: Tensor) -> Tensor:
        """Return the words in the shared space, (..., C) -> (..., D)."""
        return self.text_proj(words)

    @abstractmethod
    def scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
        chunk: int | None = None,
    ) -> Tensor:
        """Return the raw score of each video with each text: what the loss sees.

        Args:
            patches: Patch features of the selected frames, frame after frame, (B, R, C).
            words: Word features, (B, L, C).
            region_mask: Real regions, (B, R) bool; False in padded frames.
            word_mask: Real words, (B, L) bool.
            chunk: Videos at a time, where memory is short. None: the head chooses.

        Returns:
            Scores, (B, B) float32, rows are videos and columns texts.
        """

    @abstractmethod
    def pair_scores(
        self,
        patches: Tensor,
        words: Tensor,
        region_mask: Tensor | None = None,
        word_mask: Tensor | None = None,
    ) -> Tensor:
        """Return the raw score of each video with its own text.

        Args:
            patches: Patch features, (N, R, C).
            words: Word features, (N, L, C).
            region_mask: Real regions, (N, R) bool.
            word_mask: Real words, (N, L) bool.

        Returns:
            Scores, (N,) float32: the diagonal of ``scores``.
        """

    @abstractmethod
    def frame_scores(
        self, patches: Tensor, words: Tensor, word_mask: Tensor | None = None
    ) -> Tensor:
        """Return how well each query fits each frame, every frame seen by itself.

        Not differentiated; memory does not grow with the number of frames.

        Args:
            patches: Patch features of the frames, (F, P, C).
            words: Word features of the queries, (Q, L, C).
            word_mask: Real words, (Q, L) bool.

        Returns:
            Cosines, or raw scores where a head is told so, (Q, F) float32; 0 for a query without a
            real word.
        """

    @abstractmethod
    def heatmaps(
        self,
        patches: Tensor,
        words: Tensor,
        word_mask: Tensor | None = None,
        region_mask: Tensor | None = None,
    ) -> Tensor:
        """Return where a text is seen in each frame of a window.

        Not differentiated.

        Args:
            patches: Patch features of N windows of T frames, (N, T, P, C).
            words: Word features, (N, L, C), or (1, L, C) for one text in all windows.
            word_mask: Real words, (N or 1, L) bool.
            region_mask: Real regions, (N, T, P) bool, or (N, T, 1) for whole frames.

        Returns:
            Heat, (N, T, P) float32, >= 0, 0 on padding. Each window sums to 1 over T * P: values
            depend on the length of the window, and its frames compete. A text without a real
            word gives an even map, unless a head lets words look at each other first.
        """
