"""The stepped build from Python: schedules explored in C++, and model and native code in lockstep."""
