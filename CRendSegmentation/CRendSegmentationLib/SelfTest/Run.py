"""Runs every check, whatever comes of the others, and says PASS, FAIL or SKIP of each by its number."""

import tempfile
import time
import traceback
import unittest

import slicer

from .EditingChecks import EDITING
from .FileChecks import FILES
from .ResultChecks import RESULT
from .ReviewChecks import REVIEW
from .Session import SAMPLE, Session

#: In the order of their numbers; what comes later uses what came before.
CHECKS = (*RESULT, *EDITING, *REVIEW, *FILES)


def runChecks(sample=SAMPLE, say=print):
    """Try everything in an empty scene. say(line) gets "PASS 3 title (2 s)", "FAIL 4 title: reason" or "SKIP 5 title: reason" for each check and
    at last the totals. Returns (lines that failed, the totals)."""
    slicer.mrmlScene.Clear(0)
    counts, failed = {"PASS": 0, "FAIL": 0, "SKIP": 0}, []
    with tempfile.TemporaryDirectory(prefix="crend-self-test-") as folder:
        session, broken = None, ""
        try:
            session = Session(folder, sample)
        except Exception as error:
            broken = f"the panel cannot be opened: {_reason(error)}"
            traceback.print_exc()
        for number, (title, attempt) in enumerate(CHECKS, start=1):
            began = time.monotonic()
            try:
                if broken:
                    raise AssertionError(broken)
                attempt(session)
            except unittest.SkipTest as reason:
                outcome, words = "SKIP", f": {reason}"
            except Exception as error:
                outcome, words = "FAIL", f": {_reason(error)}"
                if not broken:
                    traceback.print_exc()  # into Slicer's log
            else:
                outcome, words = "PASS", f" ({time.monotonic() - began:.0f} s)"
            counts[outcome] += 1
            line = f"{outcome} {number} {title}{words}"
            if outcome == "FAIL":
                failed.append(line)
            say(line)
    totals = f"CRend self test: {counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped of {len(CHECKS)}"
    say(totals)
    return failed, totals


def _reason(error):
    words = " ".join(str(error).split())
    return words if isinstance(error, AssertionError) and words else f"{type(error).__name__}: {words}"
