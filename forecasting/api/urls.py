"""Routes of forecasts below /api/v1/."""

from django.urls import path

from forecasting.api import views

urlpatterns = [
    path("groups/<str:mrid>/forecast", views.GroupForecastView.as_view(), name="group-forecast"),
]
