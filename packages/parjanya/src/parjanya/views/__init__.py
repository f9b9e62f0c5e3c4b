"""Truth as people read it: records of images, selections of them, the state of the system, the story of one item."""
