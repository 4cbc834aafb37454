#!/usr/bin/env python
"""Django's command line for ML Scrum."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  whoever runs it may have an older one
    sys.exit("ML Scrum needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting that is refused says so in one line
        sys.exit(f"{error}")
