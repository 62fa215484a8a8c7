"""Tries to break the log, the snapshots and whole servers, and says whether it could.

Most trials have a disk in memory, so that thousands of accidents a second can be had and each can
be had again from its seed: read crash_fs.py, then diary.py and story.py, then one of them. In
simulation/ whole worlds are in memory, and servers/ has the trials of the real thing.
"""
