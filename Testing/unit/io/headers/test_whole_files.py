"""Whole files only: what is missing or corrupted is refused with the reason, and what is whole is read."""

import bz2
import gzip
import io
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from header_files import SHAPE, VOXELS, metaimage, nifti, nrrd, placed, vtk

from crend.errors import InputError
from crend.io.headers.voxels import MOST_PER_BYTE
from crend.io.volumes import read_file, read_image

DATA = VOXELS.tobytes()
NUMBERS = (" ".join(map(str, VOXELS.ravel())) + "\n").encode()


def compressed(path, data, size=None):
    """A MetaImage with this stream behind its header."""
    fields = f"ElementSpacing = .7 .7 .7\nCompressedData = True\nCompressedDataSize = {len(data) if size is None else size}\n"
    return metaimage(path, fields, data=data)


def zipped(data, name=""):
    buffer = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=buffer, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def refused(path, words):
    with pytest.raises(InputError) as caught:
        read_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and words in message, message


def assert_whole(path):
    image = read_image(path)
    assert (sitk.GetArrayViewFromImage(image) == VOXELS).all() and image.GetSpacing() == pytest.approx((0.7, 0.7, 0.7))


STREAMS = {
    "metaimage, zlib": lambda p, change: compressed(p / "a.mha", change(zlib.compress(DATA))),
    "metaimage, gzip": lambda p, change: compressed(p / "a.mha", change(zipped(DATA))),
    "nrrd, gzip": lambda p, change: nrrd(p / "a.nrrd", placed(), encoding="gzip", data=change(zipped(DATA))),
    "nrrd, bzip2": lambda p, change: nrrd(p / "a.nrrd", placed(), encoding="bzip2", data=change(bz2.compress(DATA))),
    "nifti": lambda p, change: (
        nifti(p / "b.nii"),
        (p / "a.nii.gz").write_bytes(change(zipped((p / "b.nii").read_bytes()))),
        p / "a.nii.gz",
    )[2],
}


@pytest.mark.parametrize("kind", STREAMS)
def test_compressed_voxels_are_read_to_their_checksum(tmp_path, kind):
    assert_whole(STREAMS[kind](tmp_path, lambda data: data))


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_cut_anywhere_is_refused(tmp_path, kind):
    for part in (0.02, 0.5, 0.9, 0.999):
        refused(STREAMS[kind](tmp_path, lambda data: data[: int(part * len(data))]), "damaged or incomplete")
    refused(STREAMS[kind](tmp_path, lambda data: data[:-1]), "damaged or incomplete")


@pytest.mark.slow
@pytest.mark.parametrize("kind", STREAMS)
def test_no_flipped_bit_of_a_stream_is_read(tmp_path, kind):
    length = len(STREAMS[kind](tmp_path, lambda data: data).read_bytes())
    generator = np.random.default_rng(5)
    for _ in range(60):

        def flip(data, at=int(generator.integers(20, length // 2)), bit=int(generator.integers(8))):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            return bytes(changed)

        path = STREAMS[kind](tmp_path, flip)
        try:
            image = read_image(path)
        except InputError:
            continue
        assert (sitk.GetArrayViewFromImage(image) == VOXELS).all()  # a bit that no decoder looks at


def test_garbage_in_place_of_a_stream_is_refused(tmp_path):
    refused(compressed(tmp_path / "a.mha", bytes(range(200)) * 2), "compressed data are corrupted")
    refused(compressed(tmp_path / "b.mha", zlib.compress(DATA)[:300], size=2000), "compressed bytes are missing")
    refused(compressed(tmp_path / "c.mha", zlib.compress(DATA[:300])), "420 of its 720 bytes of voxels are missing")


@pytest.mark.parametrize(
    "write",
    [
        lambda p, data: metaimage(p / "a.mha", data=data),
        lambda p, data: nrrd(p / "a.nrrd", placed(), data=data),
        lambda p, data: nifti(p / "a.nii", data=data),
        lambda p, data: vtk(p / "a.vtk", data=data),
    ],
)
def test_raw_voxels_that_are_missing_are_counted(tmp_path, write):
    assert_whole(write(tmp_path, DATA))
    refused(write(tmp_path, DATA[:-7]), "7 of its 720 bytes of voxels are missing")


def test_text_that_is_cut_is_refused_even_within_a_number(tmp_path):
    for write in (
        lambda data: vtk(tmp_path / "a.vtk", encoding="ASCII", data=data),
        lambda data: nrrd(tmp_path / "a.nrrd", placed(), encoding="ascii", data=data),
    ):
        assert_whole(write(NUMBERS))
        refused(write(NUMBERS[: len(NUMBERS) // 2]), "damaged or incomplete")
        refused(write(NUMBERS[: len(NUMBERS) * 2 // 3]), "numbers are missing or cut off")
        refused(write(NUMBERS[:-2]), "1 of its 720 numbers are missing or cut off")
        refused(write(NUMBERS.replace(b" ", b" x", 1)), "no numbers")
        refused(write(b"999" + NUMBERS[len(NUMBERS.split()[0]) :]), "no uint8")


def test_hexadecimal_voxels(tmp_path):
    assert_whole(nrrd(tmp_path / "a.nrrd", placed(), encoding="hex", data=DATA.hex().encode()))
    refused(
        nrrd(tmp_path / "b.nrrd", placed(), encoding="hex", data=DATA.hex()[:-2].encode()),
        "720 numbers, more than 1438 bytes of text can hold",
    )
    refused(nrrd(tmp_path / "c.nrrd", placed(), encoding="hex", data=DATA.hex()[:-1].encode() + b"\n"), "hexadecimal voxels are cut off")


@pytest.mark.parametrize("sizes", ["4000 4000 4000", "100000 100000 10000", "16777216 16777216 16777216"])
def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path, sizes):
    raw = nrrd(tmp_path / "a.nrrd", placed(), sizes=sizes)
    refused(raw, "bytes of voxels are missing")
    refused(nrrd(tmp_path / "b.nrrd", placed(), sizes=sizes, encoding="gzip", data=zipped(DATA)), "more than")
    refused(nrrd(tmp_path / "c.nrrd", placed(), sizes=sizes, encoding="ascii", data=NUMBERS), "more than")
    refused(metaimage(tmp_path / "d.mha", sizes=sizes), "bytes of voxels are missing")
    refused(
        metaimage(tmp_path / "e.mha", "CompressedData = True\nElementSpacing = .7 .7 .7\n", sizes=sizes, data=zlib.compress(DATA)),
        "more than",
    )


def test_what_compresses_best_is_still_read(tmp_path):
    flat = np.zeros((200, 200, 200), np.uint8)
    flat[0, 0, 0] = 1
    image = sitk.GetImageFromArray(flat)
    image.SetSpacing((0.5,) * 3)
    for name in ("a.nrrd", "a.nii.gz", "a.mha"):
        sitk.WriteImage(image, str(tmp_path / name), True, compressionLevel=9)
        assert flat.nbytes > 500 * (tmp_path / name).stat().st_size
        assert (sitk.GetArrayViewFromImage(read_image(tmp_path / name)) == flat).all()
    stream = bz2.compress(flat.tobytes())
    assert flat.nbytes < MOST_PER_BYTE["bzip2"] * len(stream)


@pytest.mark.parametrize(
    "fields, words",
    [
        ("NDims = -1\n", "NDims"),
        ("NDims = 100\n", "NDims"),
        ("NDims = 3\nDimSize = 0 9 8\n", "DimSize"),
        ("HeaderSize = -7\n", "HeaderSize"),
        ("ElementNumberOfChannels = -3\n", "channels"),
        ("ElementNumberOfChannels = 99999999\n", "channels"),
        ("TransformMatrix = 1 0\n", "TransformMatrix"),
        ("Offset = a b c\n", "Offset"),
    ],
)
def test_metaimage_headers_that_end_the_process_are_refused(tmp_path, fields, words):
    refused(metaimage(tmp_path / "a.mha", fields + "ElementSpacing = .7 .7 .7\n"), words)


@pytest.mark.parametrize("dimensions", [-1, 0, 100, 2**31])
def test_no_number_of_dimensions_ends_the_process(tmp_path, dimensions):
    refused(metaimage(tmp_path / "a.mha", dimensions=dimensions), f"{dimensions} dimensions")
    refused(nrrd(tmp_path / "a.nrrd", placed(), dimension=dimensions), f"{dimensions} dimensions")


@pytest.mark.parametrize("file", ["%n%n%n", "%s%s%s%s", "slice%03d.raw 1 9 1", "LIST", "%99999d.raw 1 9 1"])
def test_names_of_files_with_voxels_are_no_formats_for_printf(tmp_path, file):
    refused(metaimage(tmp_path / "a.mhd", file=file), "spread over several files; save it as one file (.mha)")
    refused(nrrd(tmp_path / "a.nhdr", placed(more=f"data file: {file}\n")), "spread over several files; save it as one file (.nrrd)")


def test_a_missing_file_with_voxels_is_named(tmp_path):
    refused(metaimage(tmp_path / "a.mhd", file="a.raw"), "its voxels, a.raw, are missing; put that file beside it")
    refused(nrrd(tmp_path / "a.nhdr", placed(more="data file: b.raw\n")), "its voxels, b.raw, are missing")
    sitk.WriteImage(read_file(nrrd(tmp_path / "c.nrrd", placed())), str(tmp_path / "c.hdr"))
    (tmp_path / "c.img").unlink()
    refused(tmp_path / "c.hdr", "its other half, c.img, is missing")


def test_voxels_in_a_file_of_their_own_are_read_and_counted(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"head" + DATA)
    for path in (
        metaimage(tmp_path / "a.mhd", "ElementSpacing = .7 .7 .7\nHeaderSize = -1\n", file="a.raw", data=b""),
        metaimage(tmp_path / "b.mhd", "ElementSpacing = .7 .7 .7\nHeaderSize = 4\n", file="a.raw", data=b""),
        nrrd(tmp_path / "a.nhdr", placed(more="data file: a.raw\nbyte skip: -1\n"), data=b""),
        nrrd(tmp_path / "b.nhdr", placed(more="datafile: a.raw\nbyteskip: 4\n"), data=b""),
    ):
        assert_whole(path)
    refused(metaimage(tmp_path / "c.mhd", "ElementSpacing = .7 .7 .7\nHeaderSize = 9\n", file="a.raw", data=b""), "5 of its 720 bytes")
    refused(nrrd(tmp_path / "c.nhdr", placed(more="data file: a.raw\nbyte skip: 9\n"), data=b""), "5 of its 720 bytes")


def test_whole_files_of_unusual_kinds_are_not_called_damaged(tmp_path):
    nifti(tmp_path / "a.nii")
    (tmp_path / "plain.nii.gz").write_bytes((tmp_path / "a.nii").read_bytes())
    assert_whole(tmp_path / "plain.nii.gz")
    (tmp_path / "two.nii.gz").write_bytes(zipped((tmp_path / "a.nii").read_bytes()[:500]) + zipped((tmp_path / "a.nii").read_bytes()[500:]))
    assert_whole(tmp_path / "two.nii.gz")
    field = "FIELD FieldData 2\nTime 1 1 double\n" + "\0" * 8 + "\nSpace 1 2 float\n" + "\n" * 8 + "\n"
    assert_whole(vtk(tmp_path / "field.vtk", before=field))
    text = "FIELD FieldData 1\nTime 1 3 double\n1 2\n3\n"
    assert_whole(vtk(tmp_path / "text.vtk", before=text, encoding="ASCII", data=NUMBERS))
    assert_whole(vtk(tmp_path / "none.vtk", before="METADATA\nINFORMATION 0\n\n"))
    (tmp_path / "crlf.mha").write_bytes(metaimage(tmp_path / "b.mha").read_bytes()[: -len(DATA)].replace(b"\n", b"\r\n") + DATA)
    assert_whole(tmp_path / "crlf.mha")
    (tmp_path / "zipped.nii").write_bytes(zipped((tmp_path / "a.nii").read_bytes()))
    refused(tmp_path / "zipped.nii", "compressed with gzip, which its name does not say; name it zipped.nii.gz")
    refused(nrrd(tmp_path / "lzma.nrrd", placed(), encoding="lzma"), 'the encoding "lzma" is not supported; save it again as raw or gzip')


def test_rescaled_nifti_and_wide_types_in_either_order_of_bytes(tmp_path):
    for order in "<>":
        values = np.arange(720, dtype=np.int16).reshape(SHAPE) - 300
        path = nifti(tmp_path / "a.nii", kind=4, order=order, data=values.astype(order + "i2").tobytes())
        assert (sitk.GetArrayViewFromImage(read_image(path)) == values).all()
        endian = f"endian: {'little' if order == '<' else 'big'}\n"
        path = nrrd(tmp_path / "a.nrrd", placed(more=endian), kind="int16", data=values.astype(order + "i2").tobytes())
        assert (sitk.GetArrayViewFromImage(read_image(path)) == values).all()
        content = bytearray(path.with_suffix(".nii").read_bytes())
        content[112:120] = np.array([2, 10], order + "f4").tobytes()
        path.with_suffix(".nii").write_bytes(content)
        assert (sitk.GetArrayViewFromImage(read_image(path.with_suffix(".nii"))) == 2 * values + 10).all()


def test_a_pair_beside_a_file_of_the_same_name_is_not_mixed_up_with_it(tmp_path):
    image = read_file(nrrd(tmp_path / "a.nrrd", placed()))
    sitk.WriteImage(image * 2, str(tmp_path / "a.hdr"))
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    assert_whole(tmp_path / "a.nii.gz")
