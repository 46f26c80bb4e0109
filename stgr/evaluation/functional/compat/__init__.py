"""What the released scripts do, errors included: for comparison with published numbers only."""

from stgr.evaluation.functional.compat.alignment import align_as_released

__all__ = ['align_as_released']
