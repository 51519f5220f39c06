"""An HTML text on the pages of a PDF file."""

import qt

from crend.errors import InputError
from crend.io.atomic import replacing

PDF_RESOLUTION = 200
PDF_MARGIN_MM = 12.0


def writePdf(text, path):
    """Paint an HTML text onto A4 pages of a PDF file."""
    with replacing(path) as temporary:
        device = _pdfDevice(str(temporary))
        area = device.pageLayout().paintRectPixels(PDF_RESOLUTION)
        width, height = float(area.width()), float(area.height())
        document = qt.QTextDocument()
        document.documentLayout().setPaintDevice(device)
        # Without a colour of its own, text would follow Slicer's theme: white on white in the dark one.
        document.setDefaultStyleSheet("body, p, td, th, h1, h3, b, small { color: #000000; }")
        document.setHtml(text)
        document.setPageSize(qt.QSizeF(width, height))
        painter = qt.QPainter()
        if not painter.begin(device):
            raise InputError(f"{path}: cannot be written; choose another place.")
        for page in range(_pageCount(document)):
            if page:
                device.newPage()
            painter.save()
            painter.translate(0.0, -page * height)
            document.drawContents(painter, qt.QRectF(0.0, page * height, width, height))
            painter.restore()
        painter.end()
        # Some platforms complete the file only when its writer is gone.
        del painter, device


def _pdfDevice(path):
    """A4 pages with margins: QPdfWriter, or QPrinter where PythonQt has only that."""
    if hasattr(qt, "QPdfWriter"):
        device = qt.QPdfWriter(path)
    else:
        device = qt.QPrinter()
        device.setOutputFormat(qt.QPrinter.PdfFormat)
        device.setOutputFileName(path)
    device.setResolution(PDF_RESOLUTION)
    device.setPageSize(qt.QPageSize(qt.QPageSize.A4))
    device.setPageMargins(qt.QMarginsF(*4 * [PDF_MARGIN_MM]), qt.QPageLayout.Millimeter)
    return device


def _pageCount(document):
    # A property in one Qt, a method in another.
    count = document.pageCount
    return count() if callable(count) else count
