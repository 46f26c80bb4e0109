"""Networks that backbones are made of."""

from stgr.models.layers.s3dg import S3DG

__all__ = ['S3DG']
