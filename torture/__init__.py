"""Tries to break the log and the snapshots, and says whether it could.

The disk is in memory, so that thousands of accidents a second can be had and each can be had again
from its seed. Read crash_fs.py, then diary.py and story.py, then one trial.
"""
