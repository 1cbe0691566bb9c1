"""What Django answers."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

sandbox_urls: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="sandbox:phone")),
    path("sandbox/", include("lumo.sandbox.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
urlpatterns = sandbox_urls if settings.LUMO.sandbox else []
