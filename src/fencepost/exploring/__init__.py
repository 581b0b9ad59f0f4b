"""Searches by name: sequencers, bugs and litmus files; traces exported and replayed."""
