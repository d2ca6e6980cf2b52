"""Pure functions from blocks to answers, one question each."""
