"""The threads: one session connects one codec to one venue, and its callers to both.

Nothing here knows a venue; nothing above here starts a thread of its own.
"""
