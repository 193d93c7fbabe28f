"""One colour a ratio, the same in every plot: from teal (general text alone) to amber (domain text alone)."""

from itertools import pairwise

_STOPS = (
    (0.0, (0x0B, 0x8F, 0xA8)),
    (0.12, (0x2F, 0x6F, 0xDE)),
    (0.35, (0x7E, 0x4F, 0xD0)),
    (0.55, (0xC2, 0x45, 0xA0)),
    (0.75, (0xE4, 0x5C, 0x4C)),
    (1.0, (0xE8, 0xA0, 0x1C)),
)
"""Closer together at low ratios, where most designs have their points."""

ACCENTS = {"law": "#2f6fde", "measured": "#7b3fe4", "muted": "#8a94a6"}
TONES = {"bad": "#d9433f", "muted": "#8a94a6", "accent": "#12a37a"}
RECOMMENDED = "#12a37a"
METHODS = {"full": "#2f6fde", "lora": "#12a37a", "qlora": "#e8861c"}


def ratio_colour(ratio: float, opacity: float = 1.0) -> str:
    """The colour of a domain ratio between 0 and 1."""
    ratio = min(max(ratio, 0.0), 1.0)
    left, right = next((a, b) for a, b in pairwise(_STOPS) if ratio <= b[0])
    place = (ratio - left[0]) / (right[0] - left[0])
    red, green, blue = (round(a + (b - a) * place) for a, b in zip(left[1], right[1], strict=True))
    return f"rgba({red},{green},{blue},{opacity:g})"


def with_opacity(colour: str, opacity: float) -> str:
    """A `#rrggbb` colour made translucent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def ratio_scale() -> list[list[object]]:
    """The ratios' colours as a plotly colour scale."""
    return [[ratio, ratio_colour(ratio)] for ratio, _ in _STOPS]
