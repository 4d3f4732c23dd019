"""Routes of the roof below /api/v1/."""

from django.urls import path

from derms.config.api import integration, views

urlpatterns = [
    path("overview", views.OverviewView.as_view(), name="overview"),
    path("integration", integration.IntegrationView.as_view(), name="integration"),
    path("system", views.SystemView.as_view(), name="system"),
]
