"""Routes of dispatches below /api/v1/."""

from django.urls import path

from dispatch.api import views

urlpatterns = [
    path("dispatches/preview", views.PreviewView.as_view(), name="dispatch-preview"),
    path("dispatches", views.DispatchesView.as_view(), name="dispatches"),
    path("dispatches/<str:mrid>", views.DispatchView.as_view(), name="dispatch"),
    path("dispatches/<str:mrid>/cancel", views.CancelView.as_view(), name="dispatch-cancel"),
    path("dispatches/<str:mrid>/members", views.MembersView.as_view(), name="dispatch-members"),
    path("dispatches/<str:mrid>/samples", views.SamplesView.as_view(), name="dispatch-samples"),
    path("dispatches/<str:mrid>/events", views.EventsView.as_view(), name="dispatch-events"),
]
