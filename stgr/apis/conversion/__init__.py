"""Models in the forms that other runtimes take."""

from stgr.apis.conversion.convert import FORMATS, ConversionReport, convert_model

__all__ = ['FORMATS', 'ConversionReport', 'convert_model']
