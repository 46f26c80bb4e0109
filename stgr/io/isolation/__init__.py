"""Decode in a process of its own, which may hang or die without harm."""

from stgr.io.isolation.decoding_process import DecodingProcess, borrow_process

__all__ = ['DecodingProcess', 'borrow_process']
