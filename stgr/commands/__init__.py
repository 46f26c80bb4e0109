"""The commands of ``stgr``, one file each; what is heavy is imported when one runs."""
