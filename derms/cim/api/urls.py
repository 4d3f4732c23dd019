"""Routes of the CIM message log and of push to partners."""

from django.urls import path

from derms.cim.api import partner_views, views

urlpatterns = [
    path("cim-messages", views.MessagesView.as_view(), name="cim-messages"),
    path("cim-messages/export", views.MessagesExportView.as_view(), name="cim-messages-export"),
    path(
        "cim-messages/<str:mrid>/archive",
        views.MessageArchiveView.as_view(),
        name="cim-message-archive",
    ),
    path("cim-counters", views.CountersView.as_view(), name="cim-counters"),
    path("cim-messages/<str:mrid>/thread", views.ThreadView.as_view(), name="cim-message-thread"),
    path("cim-messages/<str:mrid>", views.MessageView.as_view(), name="cim-message"),
    path("partners", partner_views.PartnersView.as_view(), name="partners"),
    path("partners/<str:mrid>", partner_views.PartnerView.as_view(), name="partner"),
    path(
        "partners/<str:mrid>/trial", partner_views.PartnerTrialView.as_view(), name="partner-trial"
    ),
    path(
        "partners/<str:mrid>/resend",
        partner_views.PartnerResendView.as_view(),
        name="partner-resend",
    ),
    path(
        "partners/<str:mrid>/subscriptions",
        partner_views.SubscriptionsView.as_view(),
        name="partner-subscriptions",
    ),
    path("subscriptions/<str:mrid>", partner_views.SubscriptionView.as_view(), name="subscription"),
    path("deliveries", partner_views.DeliveriesView.as_view(), name="deliveries"),
    path("deliveries/<str:mrid>", partner_views.DeliveryView.as_view(), name="delivery"),
    path(
        "deliveries/<str:mrid>/resend",
        partner_views.DeliveryResendView.as_view(),
        name="delivery-resend",
    ),
    path(
        "deliveries/<str:mrid>/discard",
        partner_views.DeliveryDiscardView.as_view(),
        name="delivery-discard",
    ),
]
