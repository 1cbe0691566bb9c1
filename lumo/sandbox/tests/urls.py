"""The addresses of an installation that is the sandbox."""

from lumo.config.urls import sandbox_urls

urlpatterns = sandbox_urls
