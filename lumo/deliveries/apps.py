from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    name = "lumo.deliveries"
    default_auto_field = "django.db.models.BigAutoField"
