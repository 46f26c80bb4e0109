"""The model zoo: what the metafiles beside the configs say, as lists, pages and downloads."""

from stgr.apis.model_zoo.entry import Zoo, ZooModel
from stgr.apis.model_zoo.metafiles import find_zoo_model, read_zoo

__all__ = ['Zoo', 'ZooModel', 'find_zoo_model', 'read_zoo']
