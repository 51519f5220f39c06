"""What the headers of volume files say, one format a file: size, spacing, axes, and where the voxels lie."""
