import torch

from stgr.models.selectors import TopKSelector
from stgr.structures.features import TextFeatures, VideoFeatures


def kept_frames(frame_embeds, sentence, frame_mask=None, count=2):
    frames = torch.tensor([frame_embeds])
    mask = torch.ones(1, len(frame_embeds), dtype=torch.bool) if frame_mask is None else frame_mask
    words, word_mask = torch.zeros(1, 1, 2), torch.ones(1, 1, dtype=torch.bool)
    video = VideoFeatures(frames, None, mask, (1, 1))
    return TopKSelector(count)(video, TextFeatures(torch.tensor([sentence]), words, word_mask))


def test_frames_are_ranked_by_direction_and_not_by_length():
    frames = [[0.1, 0.0], [10.0, 10.0], [0.0, 5.0], [2.0, 0.2]]
    kept = kept_frames(frames, [7.0, 0.0])
    assert kept.indices.tolist() == [[0, 3]]
    torch.testing.assert_close(kept.weights, torch.tensor([[1.0, 2 / 4.04**0.5]]))


def test_the_words_do_not_matter():
    generator = torch.Generator().manual_seed(0)
    frames, sentence = torch.randn(2, 9, 4, generator=generator), torch.randn(2, 4)
    video = VideoFeatures(frames, None, torch.ones(2, 9, dtype=torch.bool), (1, 1))
    real = torch.ones(2, 3, dtype=torch.bool)
    picks = [
        TopKSelector(3)(video, TextFeatures(sentence, torch.randn(2, 3, 4), real)).indices.tolist()
        for _ in range(2)
    ]
    assert picks[0] == picks[1]
