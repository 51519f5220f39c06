"""How well two readers, or a reader and a model, agree on a number: Bland-Altman and the intraclass correlation."""

import math

import numpy as np


def bland_altman(first, second):
    """Differences second - first of paired values: {n, bias, sd, lower, upper}; lower and upper are the 95 % limits of agreement.

    sd (n - 1) and limits are None with fewer than two pairs, bias is None with none.
    """
    difference = np.asarray(second, float) - np.asarray(first, float)
    n = len(difference)
    bias = float(difference.mean()) if n else None
    sd = float(difference.std(ddof=1)) if n > 1 else None
    lower, upper = (bias - 1.96 * sd, bias + 1.96 * sd) if bias is not None and sd is not None else (None, None)
    return {"n": n, "bias": bias, "sd": sd, "lower": lower, "upper": upper}


def icc(first, second):
    """ICC(A,1) of paired values, also called ICC(2,1): two-way random effects, absolute agreement, one measurement of one reader.

    None with fewer than two pairs or when all values are equal, where it is not defined. McGraw and Wong 1996, Shrout and Fleiss 1979.
    """
    values = np.column_stack([np.asarray(first, float), np.asarray(second, float)])
    n, k = values.shape
    if n < 2 or np.ptp(values) == 0:
        return None
    subjects, readers, overall = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True), values.mean()
    between_subjects = k * ((subjects - overall) ** 2).sum() / (n - 1)
    between_readers = n * ((readers - overall) ** 2).sum() / (k - 1)
    error = ((values - subjects - readers + overall) ** 2).sum() / ((n - 1) * (k - 1))
    denominator = between_subjects + (k - 1) * error + k * (between_readers - error) / n
    return float((between_subjects - error) / denominator) if denominator else None


def spread(values):
    """{n, missing, mean, sd, median, q1, q3, min, max} of numbers of which some are None; what cannot be said is None."""
    known = np.array([v for v in values if v is not None and not math.isnan(v)], float)
    result = {"n": len(known), "missing": len(values) - len(known)}
    if not len(known):
        return {**result, **dict.fromkeys(("mean", "sd", "median", "q1", "q3", "min", "max"))}
    q1, median, q3 = np.percentile(known, (25, 50, 75))
    return {
        **result,
        "mean": float(known.mean()),
        "sd": float(known.std(ddof=1)) if len(known) > 1 else None,
        "median": float(median),
        "q1": float(q1),
        "q3": float(q3),
        "min": float(known.min()),
        "max": float(known.max()),
    }
