"""Files in and out: volumes, labels, segmentations, tables, the inputs of a folder; each written whole or not at all."""
