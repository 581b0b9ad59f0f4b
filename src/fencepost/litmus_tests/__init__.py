"""Litmus tests in every engine, and in herd's format."""
