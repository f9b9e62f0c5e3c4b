"""What leaves the house: contact sheet, XMP sidecars, CSV, JSON. It all reads `ImageRecord` and nothing else."""
