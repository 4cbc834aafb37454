"""A gate as a small picture: name and state, no values."""

from __future__ import annotations

from django.http import HttpResponse
from django.template.loader import render_to_string

from dataquality.models import Dataset
from dataquality.queries.gates import Gate

CACHED_S = 60
COLOURS = {"passed": "#15803d", "failed": "#b91c1c"}
UNKNOWN = "#57606a"
LETTER, MARGIN, LONGEST_NAME = 7, 8, 40


def badge(dataset: Dataset, gate: Gate, *, status: int = 200) -> HttpResponse:
    """An SVG that says whether the dataset's gate is passed; kept for a minute."""
    name = dataset.name
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 1]}…"
    left = LETTER * len(name) + 2 * MARGIN
    right = LETTER * len(gate.state) + 2 * MARGIN
    svg = render_to_string(
        "dataquality/badge.svg",
        {
            "name": name,
            "state": gate.state,
            "colour": COLOURS.get(gate.state, UNKNOWN),
            "left": left,
            "right": right,
            "width": left + right,
            "at_name": left // 2,
            "at_state": left + right // 2,
        },
    )
    answer = HttpResponse(svg, content_type="image/svg+xml", status=status)
    answer["Cache-Control"] = f"private, max-age={CACHED_S}"
    return answer
