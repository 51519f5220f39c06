"""What `make demo` runs: a sample volume, its segmentation and measurements, a Slicer scene of them and its picture.

sample      a simulated volume and its truth
stage       Slicer's scene and views without a window
scene       the module's own logic on the sample, arranged as a user would, saved as scene.mrb
picture     scene.mrb opened again and drawn by Slicer's views: overview.png
sheet       the layout of overview.png
slices      the volume alone, for the documentation (make pictures)
"""
