"""Routes of the roof below /api/v1/."""

from django.urls import path

from derms.config.api import views

urlpatterns = [
    path("overview", views.OverviewView.as_view(), name="overview"),
    path("system", views.SystemView.as_view(), name="system"),
]
