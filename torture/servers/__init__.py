"""Tries to break the real server: killed, or refused by its disk, under clients who remember.

Read child.py, then clients.py and history.py, then a trial: kills.py or calls.py.
"""
