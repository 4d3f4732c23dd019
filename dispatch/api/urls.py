"""Routes of dispatches and controls below /api/v1/."""

from django.urls import path

from dispatch.api import control_views as controls
from dispatch.api import views

urlpatterns = [
    path("dispatches/preview", views.PreviewView.as_view(), name="dispatch-preview"),
    path("dispatches", views.DispatchesView.as_view(), name="dispatches"),
    path("dispatches/<str:mrid>", views.DispatchView.as_view(), name="dispatch"),
    path("dispatches/<str:mrid>/cancel", views.CancelView.as_view(), name="dispatch-cancel"),
    path("dispatches/<str:mrid>/members", views.MembersView.as_view(), name="dispatch-members"),
    path("dispatches/<str:mrid>/samples", views.SamplesView.as_view(), name="dispatch-samples"),
    path("dispatches/<str:mrid>/events", views.EventsView.as_view(), name="dispatch-events"),
    path("controls/preview", controls.ControlPreviewView.as_view(), name="control-preview"),
    path("controls", controls.ControlsView.as_view(), name="controls"),
    path("controls/<str:mrid>", controls.ControlView.as_view(), name="control"),
    path(
        "controls/<str:mrid>/devices",
        controls.ControlDevicesView.as_view(),
        name="control-devices",
    ),
    path("controls/<str:mrid>/cancel", controls.ControlCancelView.as_view(), name="control-cancel"),
    path(
        "controls/<str:mrid>/release",
        controls.ControlReleaseView.as_view(),
        name="control-release",
    ),
    path("controls/<str:mrid>/reject", controls.ControlRejectView.as_view(), name="control-reject"),
]
