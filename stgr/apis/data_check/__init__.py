"""What is there of a data set, before anything is trained on it or scored."""

from stgr.apis.data_check.check import DataCheck, check_data

__all__ = ['DataCheck', 'check_data']
