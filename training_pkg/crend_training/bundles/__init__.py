"""Model bundles made from training runs: bundling, calibration, fine-tuning."""
