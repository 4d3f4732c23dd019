"""Routes of the alarms below /api/v1/."""

from django.urls import path

from derms.alarms.api import views

urlpatterns = [
    path("alarms", views.AlarmsView.as_view(), name="alarms"),
    path("alarms/acknowledge", views.AlarmsAcknowledgeView.as_view(), name="alarms-acknowledge"),
    path(
        "alarms/<str:mrid>/acknowledge",
        views.AlarmAcknowledgeView.as_view(),
        name="alarm-acknowledge",
    ),
]
