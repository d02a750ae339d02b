"""Plays: what a hostile server can do to a connection, each by its name.

A play is a function of a `Peer`; its docstring says what the client meets. To add one, write it in
the module of its kind, under ``@play``.
"""
