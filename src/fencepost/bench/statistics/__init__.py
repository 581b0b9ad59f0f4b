"""What repetitions say: centre, spread, intervals and differences."""
