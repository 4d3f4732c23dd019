"""Routes of groups below /api/v1/."""

from django.urls import path

from groups.api import usage_views, views

urlpatterns = [
    path("groups", views.GroupsView.as_view(), name="groups"),
    path("groups/<str:mrid>", views.GroupView.as_view(), name="group"),
    path("groups/<str:mrid>/members", views.GroupMembersView.as_view(), name="group-members"),
    path("groups/<str:mrid>/status", views.GroupStatusView.as_view(), name="group-status"),
    path("groups/<str:mrid>/trend", views.GroupTrendView.as_view(), name="group-trend"),
    path("groups/<str:mrid>/usage", usage_views.GroupUsageView.as_view(), name="group-usage"),
    path("group-statuses", views.GroupStatusesView.as_view(), name="group-statuses"),
]
