"""The simulated volume in Slicer's Sample Data; it is part of the extension, so it needs no network."""

from pathlib import Path

NAME = "CRendSimulatedOvary"
#: Of the file: Slicer keeps a copy, and without this it would go on showing that of a former version.
CHECKSUM = "SHA256:27f0c5758de2800cd9de22aba150c90ec78f3323ec3b4b0bfd84c80278b8705f"


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
        checksums=CHECKSUM,
        loadFileTypes="VolumeFile",
    )
