"""The ultrasound criterion of polycystic ovarian morphology of the international guideline of 2023, as far as figures can say.

At least one ovary has 20 or more follicles of 2 to 9 mm, or a volume of 10 ml or more; measured through the vagina with a modern probe, in an
ovary without a follicle above 10 mm, corpus luteum or cyst. What a model found and nobody confirmed is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .study import ABSENT, ASSESSED, NOT_STATED, PRESENT, SIDES, TRANSVAGINAL

LEAST_FOLLICLES = 20
LEAST_VOLUME_ML = 10.0
MET, NOT_MET, UNKNOWN = "met", "not met", "cannot be said"
GUIDELINE = "International evidence-based guideline for polycystic ovary syndrome, 2023"
#: Why nothing can be said, by key.
REASONS = {
    "no_result": "there is no segmentation",
    "not seen": "the ovary was not seen",
    "not assessable": "the ovary was not assessable",
    "no_follicle": "no follicle was counted, so none is confirmed",
    "not_confirmed": "{open} of {count} follicles are not confirmed",
    "flags": "a warning stands",
    "two_ovaries": "two ovaries are counted as one",
    "follicles_in_no_ovary": "{strays} of the volume's follicles lie in no ovary",
    "cut_off": "the ovary reaches the border of the volume",
    "large_follicle": "a follicle is larger than 10 mm",
    "corpus_luteum": "there is a corpus luteum or cyst",
    "corpus_luteum_not_stated": "corpus luteum or cyst: not stated",
    "route": "the scan was not transvaginal",
    "no_volume": "the volume is not known",
    "volumes_differ": "the two volumes lie on either side of 10 ml",
}


def judge(findings: Mapping, route: str) -> dict:
    """{verdict, number_reached, volume_reached, reasons} of one side's findings; reasons: [{key, text}], empty where a verdict is given.

    number_reached, volume_reached: True, False, or None where the figure is not known.
    """
    number, volumes = findings["follicles_2_9_mm"], [findings["volume_ml"], findings["volume_0523_ml"]]
    reached = None if number is None else number >= LEAST_FOLLICLES
    large = [None if each is None else each >= LEAST_VOLUME_ML for each in volumes]
    volume = large[0] if large[0] == large[1] else None
    keys = list(_against(findings, route))
    if not keys and not reached:
        if None in large:
            keys.append("no_volume")
        elif volume is None:
            keys.append("volumes_differ")
    verdict = UNKNOWN if keys else MET if reached or volume else NOT_MET
    reasons = [{"key": key, "text": reason_words(key, findings)} for key in keys]
    return {"verdict": verdict, "number_reached": reached, "volume_reached": volume, "reasons": reasons}


def reason_words(key: str, findings: Mapping, translate: Callable[[str], str] = str) -> str:
    """Why nothing can be said of one side, by key of REASONS; translate(text): the sentence, without its numbers, in another language."""
    count = findings["follicle_count"]
    numbers = {"count": count, "open": (count or 0) - (findings["confirmed_count"] or 0), "strays": findings["follicles_in_no_ovary"]}
    return translate(REASONS[key]).format(**numbers)


def overall(verdicts: Mapping[str, str]) -> str:
    """The verdict on a patient of those on her ovaries, by side: one that meets it is enough, and only two that do not are none."""
    if MET in verdicts.values():
        return MET
    return NOT_MET if set(verdicts) == set(SIDES) and set(verdicts.values()) == {NOT_MET} else UNKNOWN


def _against(findings: Mapping, route: str) -> Iterable[str]:
    """Keys of REASONS that forbid any verdict."""
    if findings["state"] != ASSESSED:
        yield findings["state"].replace("no result", "no_result")
        return
    if not findings["confirmed"]:
        if not findings["follicle_count"]:
            yield "no_follicle"
        elif findings["confirmed_count"] < findings["follicle_count"]:
            yield "not_confirmed"
        if findings["flags"]:
            yield "flags"
    if findings["ovaries"] > 1:
        yield "two_ovaries"
    if findings["follicles_in_no_ovary"]:
        yield "follicles_in_no_ovary"
    if findings["cut_off"]:
        yield "cut_off"
    if findings["follicles_above_10_mm"]:
        yield "large_follicle"
    if findings["corpus_luteum"] == PRESENT:
        yield "corpus_luteum"
    elif findings["corpus_luteum"] != ABSENT:
        yield "corpus_luteum_not_stated"
    if route not in (NOT_STATED, TRANSVAGINAL):
        yield "route"
