"""What a worker is said to need is what it needs: by the model grid's voxels, too, for every format whose header says its size."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from bench_tools import run_process
from dicom_files import series
from tiny import volume

from crend.bundle.bundle import info
from crend.inference.model_grid import ModelGrid
from crend.io.folders import Volume
from crend.io.sizes import size_of
from crend.io.volumes import read_image
from crend.worker import memory

SETTINGS = info().metadata["crend"]
TINY_MIB = 100  # that a tiny network and its windows take less than the bundled ones, for which the estimate is


def of(path, **reading):
    return Volume(path, path.name, **reading)


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha", ".vtk"])
def test_a_size_by_the_header_is_that_of_the_volume(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    image = sitk.Cast(volume((20, 24, 28), (0.5, 0.75, 1.25)), sitk.sitkInt16)
    sitk.WriteImage(image, str(path), useCompression=ending != ".vtk")
    found, read = size_of(of(path)), read_image(path)
    assert found.voxels == read.GetSize() and found.spacing == pytest.approx(read.GetSpacing()) and found.bytes == 2
    assert size_of(of(path, spacing=(1.0, 2.0, 3.0))).spacing == (1.0, 2.0, 3.0)
    assert found.count == 20 * 24 * 28 and found.read >= 2 * found.count


def test_a_dicom_series_says_its_size_and_what_is_none_says_nothing(tmp_path):
    (tmp_path / "series").mkdir()
    series(tmp_path / "series")
    read = read_image(tmp_path / "series")
    found = size_of(of(tmp_path / "series"))
    assert found.voxels == read.GetSize() and found.spacing == pytest.approx(read.GetSpacing())
    (tmp_path / "junk.nrrd").write_bytes(b"NRRD0004\n")
    for path in (tmp_path / "junk.nrrd", tmp_path / "missing.nrrd", tmp_path):
        assert size_of(of(path)) is None and memory.bytes_needed(of(path), SETTINGS) == memory.BASE_BYTES


def test_large_voxels_need_more_memory_and_so_does_a_close_look_at_all_of_them(tmp_path):
    sitk.WriteImage(volume((40, 40, 40)), str(tmp_path / "a.nrrd"))
    fine, coarse = (memory.bytes_needed(of(tmp_path / "a.nrrd", spacing=(mm,) * 3), SETTINGS) for mm in (0.1, 6.0))
    grid = np.prod(ModelGrid.of(read_image(tmp_path / "a.nrrd", spacing=(6.0,) * 3), SETTINGS["spacing_mm"]).shape)
    assert coarse - memory.BASE_BYTES == 40**3 + memory.BYTES_TO_SEARCH * grid and fine < memory.BASE_BYTES + 10 * 40**3
    assert memory.bytes_needed(of(tmp_path / "a.nrrd", spacing=(6.0,) * 3), SETTINGS, everywhere=True) > coarse
    in_plane = {**SETTINGS, "in_plane": [64, 64]}
    assert memory.bytes_needed(of(tmp_path / "a.nrrd"), in_plane) > memory.BASE_BYTES + 64 * 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny bundle on the grids of the bundled one, with an overview that sees an ovary everywhere."""
    import torch

    from crend import networks
    from crend.bundle import bundle
    from crend.bundle.metadata import describe

    made = []
    for _ in range(2):
        network = networks.build("crend", width=2)
        with torch.no_grad():
            network.classifier.weight.zero_()
            network.classifier.bias.copy_(torch.tensor([9.0, -9.0]))
        made.append(network)
    arguments, normalisation = {"width": 2}, {"method": "zscore_nonzero"}
    overview = {"network": "crend", "arguments": arguments, "spacing_mm": [1.2] * 3, "patch": [32] * 3, "normalisation": normalisation,
                "render": {"points": 0}, "share": {"ovary": 0.5, "follicles": 0.5}}  # fmt: skip
    about = describe(
        network="crend", arguments=arguments, spacing_mm=[0.6] * 3, patch=[32] * 3, normalisation=normalisation, version="0.0.1",
        changelog={"0.0.1": "for tests"}, description="for tests", trained_on="nothing", measured_on="nothing", render_points=0, overview=overview,
    )  # fmt: skip
    return bundle.save(tmp_path_factory.mktemp("models") / "two", made[0], about, "# for tests\n", overview=made[1])


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "mm"), [((260, 300, 320), 0.25), ((150, 160, 170), 1.5)])
def test_a_run_needs_no_more_than_is_said_and_half_of_it_at_least(tmp_path, model, shape, mm):
    array = np.zeros(shape, np.uint8)
    middle = tuple(slice(n // 2 - 10, n // 2 + 10) for n in shape)
    array[middle] = np.random.default_rng(0).integers(1, 200, (20, 20, 20))
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((mm,) * 3)
    path, out = tmp_path / "large.nrrd", tmp_path / "out.seg.nrrd"
    sitk.WriteImage(image, str(path))
    del image, array
    peak = run_process(
        [
            "-m",
            "crend",
            "segment",
            path,
            out,
            "--json",
            tmp_path / "out.json",
            "--model",
            model,
            "--device",
            "cpu",
            "--engine",
            "onnxruntime",
        ],
        environment={"OMP_NUM_THREADS": "1"},
    )["peak"]
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["ovary_volume_ml"] > 0
    said = memory.bytes_needed(of(path), info(model).metadata["crend"]) / 2**20
    assert peak <= said <= 2 * (peak + TINY_MIB)
