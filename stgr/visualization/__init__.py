"""Pictures of results: overlay video, timeline, HTML report."""

from stgr.visualization.overlay import write_overlay
from stgr.visualization.report import write_report
from stgr.visualization.timeline import write_timeline

__all__ = ['write_overlay', 'write_report', 'write_timeline']
