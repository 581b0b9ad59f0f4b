"""Measurements that decide something: contention, settings one at a time, stages of a batch."""
