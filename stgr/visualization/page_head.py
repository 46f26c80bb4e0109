"""How each of our pages begins: nothing from elsewhere, whatever is in it."""

PAGE_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
"""
"""To be formatted with ``policy`` (see ``content_policy``), ``title`` and ``style``."""
