"""The page of pictures behind `stgr evaluate --report`: numbers from evaluation, drawn.

``page.write_evaluation_report`` puts the sections together, one file each.
"""
