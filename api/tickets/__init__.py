"""Tickets: a code for each paid seat, its picture for a phone, and the check at the door."""
