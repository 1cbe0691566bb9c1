"""The sandbox's pages, below /sandbox/. The emulators' addresses beside them are no Django's."""

from django.urls import path
from django.views.generic import RedirectView

from lumo.sandbox import flow_views, views

app_name = "sandbox"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="sandbox:phone"), name="home"),
    path("phone/", views.phone, name="phone"),
    path("phone/<channel_id>/<user_id>/", views.chat, name="chat"),
    path("phone/<channel_id>/<user_id>/state/", views.set_state, name="set-state"),
    path("phone/<channel_id>/<user_id>/faults/", views.set_faults, name="set-faults"),
    path("deliveries/", views.deliveries, name="deliveries"),
    path("flows/", flow_views.flows, name="flows"),
    path("flows/new/", flow_views.new_flow, name="new-flow"),
    path("flows/<int:flow_id>/", flow_views.flow, name="flow"),
    path("flows/<int:flow_id>/edit/", flow_views.edit_flow, name="edit-flow"),
    path("flows/<int:flow_id>/runs/", flow_views.start, name="start-run"),
    path("flows/<int:flow_id>/runs/<int:run_id>/", flow_views.run, name="run"),
]
