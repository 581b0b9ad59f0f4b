"""The threads of a pipeline beside its sequencer: clients, receivers, scanners, subscribers, readers."""
