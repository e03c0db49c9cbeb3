"""Invariance Lab: see what invariance does to transfer learning."""

__version__ = "0.1.0"
