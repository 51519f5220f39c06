"""What networks are trained on: volumes, lists, cases on the model grid, patches, augmentation."""
