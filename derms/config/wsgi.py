"""WSGI entry: REST, CIM XML and pages."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "derms.config.settings")
application = get_wsgi_application()
