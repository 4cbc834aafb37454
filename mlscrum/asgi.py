"""The ASGI application, which uvicorn serves."""

import os
from typing import Any, cast

from django.conf import settings
from django.core.asgi import get_asgi_application

from mlscrum.web.limits import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
application = BodyLimit(cast(Any, get_asgi_application()), settings.UPLOAD_LIMIT_MB)
