"""Routes of the southbound room below /api/v1/."""

from django.urls import path

from derms.southbound.api import views

urlpatterns = [
    path("commands", views.CommandsView.as_view(), name="commands"),
    path("devices/<str:mrid>/commands", views.DeviceCommandsView.as_view(), name="device-commands"),
    path("links", views.LinksView.as_view(), name="links"),
]
