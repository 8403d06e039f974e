"""As much of PromQL as tests need: which series an expression asks for."""

import re

from protocol.metrics import METRICS, Shape

NAME = re.compile(r"\briskwarden[_:][a-z0-9_:]+")
LABELS = re.compile(r"\{[^}]*\}")


def names(expression: str) -> set[str]:
    """Return the metrics and recording rules that are asked for, a histogram by its own name."""
    return {family(one) for one in NAME.findall(LABELS.sub("", expression))}


def family(name: str) -> str:
    stem = re.sub(r"_(bucket|sum|count)$", "", name)
    is_histogram = stem in METRICS and METRICS[stem].shape is Shape.HISTOGRAM
    return stem if is_histogram else name
