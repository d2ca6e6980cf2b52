"""From a pc to the frames that a reader understands."""
