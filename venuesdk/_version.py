"""The version, as one plain literal that packaging reads without importing the package.

Never an import and never an expression.
"""

__version__ = "0.2.0"
"""This release, as its metadata and its User-Agent name it."""
