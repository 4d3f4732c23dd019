"""Routes of the CIM message log."""

from django.urls import path

from derms.cim.api import views

urlpatterns = [
    path("cim-messages", views.MessagesView.as_view(), name="cim-messages"),
    path("cim-messages/<str:mrid>", views.MessageView.as_view(), name="cim-message"),
]
