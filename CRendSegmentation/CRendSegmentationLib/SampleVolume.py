"""The simulated volume in Slicer's Sample Data; it is part of the extension, so it needs no network."""

from pathlib import Path

NAME = "CRendSimulatedOvary"


def registerSampleData(resourceFolder):
    """List the volume in Sample Data, with a thumbnail, in the category of the extension."""
    try:
        import SampleData
    except ImportError:
        return  # this Slicer was built without the Sample Data module

    folder = Path(resourceFolder)
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="CRend",
        sampleName=NAME,
        thumbnailFileName=str(folder / "Icons" / f"{NAME}.png"),
        uris=(folder / "SampleData" / f"{NAME}.nrrd").as_uri(),
        fileNames=f"{NAME}.nrrd",
        nodeNames=NAME,
        loadFileTypes="VolumeFile",
    )
