"""Runs as traces: kept in files, read again, and followed in the other layers."""
