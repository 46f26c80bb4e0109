"""Images with several true boxes: how V-HICO and DALY are scored."""

from stgr.evaluation.metrics import BoxedImageMetric

# The union of a frame's boxes is its truth; trivial predictors stand beside the model.
boxed_image_evaluator = dict(
    type=BoxedImageMetric,
    mask_threshold=0.3,
    normalisation='minmax',
    controls=['chance', 'centre'],
)
