"""Training of the C-Rend systems: simulated data, losses, training, evaluation. Depends on `crend`, never the other way."""
