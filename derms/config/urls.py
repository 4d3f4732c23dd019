"""All routes of the WSGI process; every room brings its own table."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
