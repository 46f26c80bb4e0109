"""What every run shares."""

default_scope = None
log_level = 'INFO'
load_from = None
resume = False
