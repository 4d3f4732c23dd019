"""Routes of the CIM door, with and without the standard's prefix, double slashes tolerated."""

from django.urls import re_path

from derms.cim.views import generic, service

urlpatterns = [
    re_path(r"^/*cim/*$", generic, name="cim-generic"),
    re_path(
        r"^/*(?:61968-[0-9]+/+)*(?P<path>(?:create|change|get)/+[A-Za-z]+)/*$",
        service,
        name="cim-service",
    ),
]
