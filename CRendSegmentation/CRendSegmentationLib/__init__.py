"""The Slicer side of CRend: the only place that imports slicer and qt. What it computes, `crend` computes.

Without Qt, from the ultrasound to the scene:
    VolumeImage         volume node -> SimpleITK image; RAS and LPS meet here and nowhere else
    Predictors          who runs the network: the worker process, or this one; WorkerJobs: what is asked of it
    Run, SequenceRun    a volume, a follicle, a sequence on its way; polled
    FolderRun           all volumes of a folder on their way, from files to files
    FolderResult        one of them, from its files into the scene
    SegmentationWriter  result -> segmentation node
    ResultTables        measurements -> follicle table, summary table
    Results             the two above together, all or nothing (SceneTransaction), in the volume's study
    SegmentMeasurements measurements of the segments as they are now; which of them somebody changed; MaskMeasurements: those of masks, remembered
    FollicleEditing     delete, merge, split, add; the ovary holds every follicle; EditHistory: undo and redo
    Masks               masks on grids of their own: union, what lies outside another
    Views               which volume the slices show, and where slices and cameras look
    Sides, Histogram, Display, Export, SampleVolume, Installation

With Qt, the panel:
    ParameterNode       the user's choices
    Panel               brings its parts together: ModelChoice, RunControl, ResultView, FollicleTable, EditTools, SeedPlacing,
                        ExportTools, InstallBar, FolderPanel
    Messages, Folders   what the panel says, and where its dialogs open
"""
