"""Clips for the tests of selectors."""

from stgr.structures.features import TextFeatures, VideoFeatures


def features(clip):
    """The records that a selector takes, from tensors by name."""
    patches = clip.get('patch_embeds')
    grid = (1, 1 if patches is None else patches.shape[2])
    video = VideoFeatures(clip['frame_embeds'], patches, clip['frame_mask'], grid)
    text = TextFeatures(clip['sentence_embeds'], clip['word_embeds'], clip['word_mask'])
    return video, text
