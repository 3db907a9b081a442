"""Measure how fast the project is, and compare its training strategies."""
