"""What can be tried of the module by code in a Slicer that runs."""
