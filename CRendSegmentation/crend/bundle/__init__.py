"""Model bundles: a folder of metadata, weights and a model card, found, checked, loaded and saved."""
