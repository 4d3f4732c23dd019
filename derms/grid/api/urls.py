"""Routes of the grid room below /api/v1/."""

from django.urls import path

from derms.grid.api import views

urlpatterns = [path("feeders", views.FeedersView.as_view(), name="feeders")]
