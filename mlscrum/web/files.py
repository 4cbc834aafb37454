"""Files of people, given back as data: never as a page, a script or a picture that is none."""

from __future__ import annotations

from typing import IO, Any

from django.http import FileResponse

SANDBOX = "default-src 'none'; sandbox"
UNKNOWN = "application/octet-stream"


def file_answer(file: IO[Any], name: str, *, shown_as: str = "") -> FileResponse:
    """The file as a download under its name. `shown_as` is the type of a picture that a browser may
    show within a page; even that runs nothing when it is opened by itself."""
    answer = FileResponse(file, as_attachment=not shown_as, filename=name)
    answer["Content-Type"] = shown_as or UNKNOWN
    answer["Content-Security-Policy"] = SANDBOX
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer
