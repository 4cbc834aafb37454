"""The WSGI application, for servers that know no ASGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlscrum.settings")
application = get_wsgi_application()
