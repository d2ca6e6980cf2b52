"""What a trace tells, as frozen dataclasses of columns."""
