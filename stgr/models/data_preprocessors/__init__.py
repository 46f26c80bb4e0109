"""From packed samples to normalised batches."""

from stgr.models.data_preprocessors.clip_preprocessor import ClipPreprocessor

__all__ = ['ClipPreprocessor']
