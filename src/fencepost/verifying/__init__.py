"""Histories by name: files, tables, and files that still grow."""
