"""Experiments as data: a base cell, the axes it varies, what it measures and how its results are read."""
