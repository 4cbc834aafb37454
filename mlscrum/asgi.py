"""The ASGI application, which uvicorn serves."""

import os

from django.conf import settings

from mlscrum.web import serving
from mlscrum.web.limits import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
application = BodyLimit(serving.application(), settings.UPLOAD_LIMIT_MB)
