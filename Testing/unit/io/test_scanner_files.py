"""GE Voluson files: written by the forward formula of their geometry, read by the inverse one."""

import struct

import kretz_files as files
import numpy as np
import pytest
import SimpleITK as sitk
from kretz_files import Probe, cartesian_file, container, geometry, head, item, sector_file, sequence_file, spheres, uneven, wrapped

from crend.errors import InputError
from crend.io.acquisition import date_of, notes_of
from crend.io.kretz import read_header
from crend.io.scan_conversion import MOST_VOXELS, Sector, converted_grid, scan_convert
from crend.io.scanner_files import find_scanner_file, patient_of, read_scanner_file

VAGINAL = Probe(radius=10, pivot=-4, samples=150, beams=uneven(-55, 55, 140), sweep=uneven(-40, 40, 110))
CONVEX = Probe(radius=40, pivot=19, samples=150, beams=uneven(-28, 28, 140), sweep=uneven(-30, 30, 110))
FLAT = Probe(radius=62, pivot=35, samples=150, beams=uneven(-20, 20, 140), sweep=uneven(-33, 33, 110))
# (lateral, sweep, depth below the first sample, radius) in mm: unequal, off the axes, no mirror image of each other
BALLS = ((-9, 5, 14, 4), (8, -7, 20, 5.5), (7, 9, 24, 3.5))
SMALL = Probe(samples=40, beams=uneven(-30, 30, 30), sweep=uneven(-20, 20, 24))


@pytest.fixture
def saved(tmp_path):
    """saved(data, name): a file with these bytes."""

    def save(data: bytes, name="scan.vol"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return save


def read(path, **options):
    return read_scanner_file(find_scanner_file(path), **options)


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def tissue(probe=SMALL, seed=0):
    return np.random.default_rng(seed).integers(20, 200, (probe.sweep.size, probe.beams.size, probe.samples), np.uint8)


def measured(image):
    """(x, y, z, volume) in R, A, S mm and mm3 of everything bright, largest first."""
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(image > 130), 20)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    return [(*(np.array(shapes.GetCentroid(n)) * (-1, -1, 1)), shapes.GetPhysicalSize(n)) for n in shapes.GetLabels()]


@pytest.mark.slow
@pytest.mark.parametrize("probe", [VAGINAL, CONVEX, FLAT], ids=["10 mm", "40 mm", "62 mm"])
def test_spheres_keep_place_size_and_handedness_whatever_the_radius_of_the_probe(saved, probe):
    balls = [(x, y, probe.radius + depth, radius) for x, y, depth, radius in BALLS]
    image = read(saved(sector_file(probe, spheres(probe, balls, blur=0.4))))
    assert image.GetSpacing() == (0.3, 0.3, 0.3) and image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    found = measured(image)
    assert len(found) == len(balls)
    for (*center, volume), ball in zip(found, sorted(balls, key=lambda ball: -ball[3])):
        assert np.linalg.norm(np.subtract(center, ball[:3])) < 0.2
        assert volume == pytest.approx(4 / 3 * np.pi * ball[3] ** 3, rel=0.01)


@pytest.mark.parametrize("table", ["beams", "sweep"])
def test_angles_that_fall_are_the_same_volume_as_angles_that_rise(saved, table):
    voxels = tissue()
    rising = read(saved(sector_file(SMALL, voxels)))
    falling = Probe(**{**vars(SMALL), table: getattr(SMALL, table)[::-1]})
    other = read(saved(sector_file(falling, np.flip(voxels, 1 if table == "beams" else 0))))
    assert np.array_equal(sitk.GetArrayViewFromImage(rising), sitk.GetArrayViewFromImage(other))


def test_outside_of_the_sector_is_0_and_the_grid_reaches_its_ends():
    voxels = np.full(tissue().shape, 77, np.uint8)
    sector = Sector(SMALL.samples, SMALL.sample, SMALL.radius, SMALL.pivot, np.radians(SMALL.beams), np.radians(SMALL.sweep))
    image = scan_convert(voxels, sector)
    array = sitk.GetArrayViewFromImage(image)
    assert set(np.unique(array)) == {0, 77} and array[0, 0, 0] == 0
    x, y, z = SMALL.positions()
    bright = np.argwhere(array == 77)[:, ::-1]
    low, high = (np.array(image.GetOrigin()) + 0.3 * end(bright) for end in (lambda b: b.min(0), lambda b: b.max(0)))
    assert np.allclose(low, (-x.max(), -y.max(), z.min()), atol=0.4) and np.allclose(high, (-x.min(), -y.min(), z.max()), atol=0.4)


def test_a_frame_that_reaches_behind_the_axis_of_its_sweep_is_converted_there_too():
    """Beams to the side of an endovaginal probe lie behind an axis in front of the fan's centre, and move the other way."""
    probe = Probe(radius=10, pivot=5, samples=60, beams=uneven(-80, 80, 200), sweep=uneven(-30, 30, 60))
    ball = (12, 0.8, 3, 3)
    sector = Sector(probe.samples, probe.sample, probe.radius, probe.pivot, np.radians(probe.beams), np.radians(probe.sweep))
    ((*center, _),) = measured(scan_convert(spheres(probe, [ball], blur=0.3), sector))
    assert center[0] == pytest.approx(12, abs=0.3)
    assert center[2] < 5


def test_only_volumes_of_more_than_200_million_voxels_are_coarser():
    low, high = np.zeros(3), np.array([150.0, 140.0, 130.0])
    assert converted_grid(low, high, None, "a")[0] == 0.3
    spacing, _, size = converted_grid(low, high * 2, None, "a")
    assert 0.3 < spacing < 0.6 and 0.9 * MOST_VOXELS < np.prod(size) <= MOST_VOXELS
    assert converted_grid(low, high, 0.5, "a")[0] == 0.5
    with pytest.raises(InputError, match="more than 200 million voxels; give 0.48 mm or more"):
        converted_grid(low, high * 2, 0.3, "a")


def test_date_and_axes_are_kept_and_the_name_is_nowhere(saved):
    path = saved(sector_file(SMALL, tissue()))
    image = read(path)
    assert date_of(image) == files.DATE
    assert "R = lateral, A = sweep, S = depth" in " ".join(notes_of(image))
    assert "Musterfrau" not in "".join(image.GetMetaData(key) for key in image.GetMetaDataKeys())
    assert patient_of(path) == {"name": files.NAME, "id": ""}


def test_a_volume_that_is_cartesian_already_says_that_its_spacing_is_not_confirmed(saved):
    voxels = tissue()
    image = read(saved(cartesian_file(voxels, 0.42)))
    assert np.array_equal(sitk.GetArrayViewFromImage(image), voxels)
    assert image.GetSpacing() == (0.42, 0.42, 0.42) and np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) == 1
    assert notes_of(image)[0].startswith("spacing not confirmed")
    assert "without a spacing" in refusal(saved(cartesian_file(voxels, None)))
    assert "impossible" in refusal(saved(cartesian_file(voxels, 0.0)))


def test_one_of_several_volumes_is_read_when_it_is_named(saved):
    volumes = [tissue(seed=seed) for seed in range(3)]
    path = saved(sequence_file(SMALL, volumes))
    assert "a sequence of 3 frames" in refusal(path)
    alone = read(saved(sector_file(SMALL, volumes[1]), "alone.vol"))
    assert np.array_equal(sitk.GetArrayViewFromImage(read(path, frame=2)), sitk.GetArrayViewFromImage(alone))
    with pytest.raises(InputError, match="no frame 4"):
        read(path, frame=4)


@pytest.mark.slow
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("block", [0x10, 0x11, 0x2A])
def test_the_wrapper_is_found_by_its_private_creator_whatever_the_block_and_sop_class(saved, block, implicit):
    voxels = tissue()
    data = wrapped(sector_file(SMALL, voxels), block, implicit, sop_class="1.2.840.10008.5.1.4.1.1.66")
    path = saved(data, "IM0001")
    alone = read(saved(sector_file(SMALL, voxels)))
    image = read(path)
    assert np.array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(alone))
    assert date_of(image) == files.DATE
    assert patient_of(path) == {"name": files.NAME, "id": "PID-4711"}
    assert "cut off" in refusal(saved(data[:-500], "cut.dcm"))


def test_of_a_dicom_folder_without_a_kretz_file_the_patient_is_known_only_to_those_who_ask(saved, tmp_path):
    import pydicom

    (tmp_path / "study").mkdir()
    path = saved(wrapped(b"no Kretz file"), "study/IM0001")
    slices = pydicom.dcmread(path)
    del slices[0x7FE1, 0x11], slices[0x7FE1, 0x1101]
    slices.save_as(path)
    assert find_scanner_file(path) is None
    assert patient_of(path.parent) == {"name": files.NAME, "id": "PID-4711"}


def test_a_compressed_file_is_refused_with_the_cure(saved):
    data = container(*head((24, 30, 40)), *geometry(SMALL), item(0xD000, 2, b"compressed" * 50))
    assert refusal(saved(data)).endswith("saved compressed; save it uncompressed on the scanner (4D View: without compression).")


def test_every_truncation_is_refused_in_one_line(saved):
    whole = sector_file(SMALL, tissue())
    for length in [0, 7, 16, 17, *range(20, 160, 11), 5000, len(whole) - 1000, len(whole) - 9, len(whole) - 1]:
        refusal(saved(whole[:length]))


def changed(whole: bytes, tag, payload=None, length=None) -> bytes:
    """The file with an item's payload replaced, or with a length that lies."""
    at = 16
    while struct.unpack_from("<HH", whole, at) != tag:
        at += 8 + struct.unpack_from("<I", whole, at + 4)[0]
    old = struct.unpack_from("<I", whole, at + 4)[0]
    if length is not None:
        return whole[: at + 4] + struct.pack("<I", length) + whole[at + 8 :]
    return whole[:at] + item(*tag, payload) + whole[at + 8 + old :]


@pytest.mark.parametrize(
    "tag, lie, reason",
    [
        ((0xD000, 1), {"length": 0xFFFFFFF0}, "cut off or damaged"),
        ((0xD000, 1), {"length": 40}, "damaged"),
        ((0xD000, 1), {"payload": bytes(24 * 30 * 40 - 1)}, "28799 bytes of voxels, where its size asks for 28800"),
        ((0xD000, 1), {"payload": bytes(24 * 30 * 40 + 40)}, "28840 bytes of voxels"),
        ((0xC000, 1), {"payload": struct.pack("<H", 65535)}, "bytes of voxels"),
        ((0xC000, 2), {"payload": struct.pack("<H", 0)}, "size is missing"),
        ((0xC000, 3), {"payload": struct.pack("<I", 24)}, "has 4 bytes"),
        ((0xC300, 1), {"payload": bytes(8 * 23)}, "23 sweep angles for 24"),
        ((0xC300, 2), {"payload": bytes(8 * 30)}, "not in order"),
        ((0xC300, 2), {"payload": bytes(8 * 30 - 1)}, "bytes of angles"),
        ((0xC100, 1), {"payload": struct.pack("<d", 0.0)}, "impossible"),
        ((0xC100, 1), {"payload": struct.pack("<d", float("nan"))}, "impossible"),
        ((0xC100, 1), {"payload": struct.pack("<d", 1.0)}, "no ultrasound volume"),
        ((0xC200, 1), {"payload": struct.pack("<d", 1e300)}, "no ultrasound volume"),
        ((0xC200, 2), {"payload": struct.pack("<d", float("inf"))}, "impossible"),
    ],
)
def test_lengths_and_numbers_that_lie_are_refused_in_one_line(saved, tag, lie, reason):
    assert reason in refusal(saved(changed(sector_file(SMALL, tissue()), tag, **lie)))


@pytest.mark.parametrize("beams, sweep, what", [(0.6, 0, "beam"), (-0.6, 0, "beam"), (0, 0.6, "sweep"), (-90, 0, "beam")])
def test_tables_whose_middle_is_not_90_degrees_are_refused(saved, beams, sweep, what):
    voxels = tissue()
    data = container(*head(voxels.shape), *geometry(SMALL, beams, sweep), item(0xD000, 1, voxels.tobytes()))
    assert f"the middle of its {what} angles is" in refusal(saved(data))


def test_tables_within_half_a_degree_are_read(saved):
    voxels = tissue()
    read(saved(container(*head(voxels.shape), *geometry(SMALL, 0.4, -0.4), item(0xD000, 1, voxels.tobytes()))))


def test_contradicting_items_are_refused_and_repeated_ones_are_not(saved):
    voxels = tissue()
    whole = sector_file(SMALL, voxels)
    read(saved(whole + geometry(SMALL)[0]))
    other = Probe(**{**vars(SMALL), "sample": 0.3})
    assert "twice, with different contents" in refusal(saved(whole + geometry(other)[0]))
    count = sequence_file(SMALL, [voxels, voxels])
    assert "bytes of voxels" in refusal(saved(changed(count, (0xD400, 1), payload=struct.pack("<I", 3))))


def test_foreign_files_are_refused_or_left_to_other_readers(saved):
    assert "no Kretz file" in refusal(saved(b"\0" * 4000))
    assert find_scanner_file(saved(b"NRRD0004\n" * 100, "a.nrrd")) is None
    assert "size is missing" in refusal(saved(container(item(1, 1, b""))))
    assert "100000 items" in refusal(saved(container(item(1, 1, b"") * 100_001)))


def test_a_header_is_read_without_the_voxels(saved):
    header = read_header(saved(sector_file(SMALL, tissue())))
    assert header.size == (40, 30, 24) and header.volumes == 1
    assert isinstance(header.voxels(), np.memmap)
    assert "Musterfrau" not in repr(header)
