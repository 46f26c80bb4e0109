"""Sentences that an image-text model is asked with."""

from stgr.models.prompts.prompt_bank import PromptBank, QueryPrompts
from stgr.models.prompts.prompt_file import PromptEntry, read_prompt_file

__all__ = ['PromptBank', 'PromptEntry', 'QueryPrompts', 'read_prompt_file']
