"""What a person may tell the emulated LINE: how a friend stands to an account, and how it misbehaves itself."""

from django import forms
from django.utils.translation import gettext_lazy as _

from lumo.sandbox.faults import Faults
from lumo.sandbox.record import Channel

_MOST = 1_000_000


class StateForm(forms.Form):
    """How a friend stands to an account."""

    state = forms.ChoiceField(
        label=_("This person"),
        choices=[
            ("following", _("is a friend of the account")),
            ("blocked", _("has blocked the account")),
            ("unknown", _("is unknown to LINE in this account")),
        ],
    )


class FaultsForm(forms.Form):
    """LINE's behaviour. An empty number turns a fault off; an empty monthly limit means none."""

    status = forms.TypedChoiceField(
        label=_("Every call is"),
        choices=[
            (0, _("answered normally")),
            (401, _("refused: 401, wrong token")),
            (403, _("refused: 403, not allowed")),
            (500, _("answered 500, internal error")),
        ],
        coerce=int,
    )
    error_every = forms.IntegerField(label=_("500 at each n-th push"), min_value=1, max_value=_MOST, required=False)
    lost_every = forms.IntegerField(
        label=_("Answer lost at each n-th accepted push"), min_value=1, max_value=_MOST, required=False
    )
    pushes_per_second = forms.IntegerField(
        label=_("429 above so many pushes a second"), min_value=1, max_value=_MOST, required=False
    )
    delay_ms = forms.IntegerField(label=_("Delay in milliseconds"), min_value=1, max_value=60_000, required=False)
    quota = forms.IntegerField(label=_("Messages a month"), min_value=0, max_value=_MOST, required=False)

    def faults(self) -> Faults:
        """What was chosen."""
        names = Faults.__struct_fields__
        return Faults(**{name: self.cleaned_data[name] or 0 for name in names})

    @classmethod
    def showing(cls, faults: Faults, channel: Channel | None) -> "FaultsForm":
        """The form as things are now."""
        numbers = {name: getattr(faults, name) or None for name in Faults.__struct_fields__}
        return cls(initial=numbers | {"status": faults.status, "quota": channel.quota if channel else None})
