"""The Slicer side of CRend: the only place that imports slicer and qt. What it computes, `crend` computes.

VolumeImage         volume node -> SimpleITK image; RAS and LPS meet here and nowhere else
SegmentationWriter  result -> segmentation node
ResultTables        result -> follicle table and summary table
SceneTransaction    all or nothing in the scene
Results             the three above together, in the volume's study
Predictors          who runs the network
ParameterNode       the panel's settings
Panel               the panel; FollicleTable, StatusLine its parts
"""
