"""Mirrors: the state that a stream implies, kept current; no venue is known here.

What a mirror needs of its session is `venuesdk.session.upkeep`.
"""
