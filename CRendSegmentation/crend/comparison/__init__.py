"""Two segmentations compared: overlaps, distances, matched follicles, surfaces, agreement."""
