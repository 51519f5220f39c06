"""From an image to probabilities: the model grid, windows over it, and the engines that run the networks."""
