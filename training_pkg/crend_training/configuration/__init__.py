"""What a training run is made from: the YAML configuration, read and checked."""
