"""The trace file: from bytes to columns."""
