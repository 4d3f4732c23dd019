"""Routes of devices and readings below /api/v1/."""

from django.urls import path

from derms.devices.api import bulk_views, readings_views, views

urlpatterns = [
    path("devices", views.DevicesView.as_view(), name="devices"),
    path("devices/columns", bulk_views.ColumnsView.as_view(), name="device-columns"),
    path("devices/export", bulk_views.ExportView.as_view(), name="device-export"),
    path("devices/imports", bulk_views.ImportsView.as_view(), name="device-imports"),
    path("devices/imports/<str:mrid>", bulk_views.ImportView.as_view(), name="device-import"),
    path("devices/<str:mrid>", views.DeviceView.as_view(), name="device"),
    path(
        "devices/<str:mrid>/eligibility", views.EligibilityView.as_view(), name="device-eligibility"
    ),
    path("devices/<str:mrid>/lifecycle", views.LifecycleView.as_view(), name="device-lifecycle"),
    path(
        "devices/<str:mrid>/readings",
        readings_views.DeviceReadingsView.as_view(),
        name="device-readings",
    ),
    path("devices/<str:mrid>/latest", readings_views.LatestView.as_view(), name="device-latest"),
    path("readings", readings_views.ReadingsView.as_view(), name="readings"),
]
