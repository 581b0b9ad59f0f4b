"""Litmus programs as timestamps in Z3, and what they show: required fences and minimal repairs."""
