"""From probabilities to the ovary, its follicles and their measurements."""
