"""What a reason means and what to do about it, in the reader's language. The reader is a marketer, not an engineer."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lumo.deliveries.reasons import Reason

Sentence = str | Promise


class Explanation(NamedTuple):
    """Two sentences: what is the matter, and what to do."""

    headline: Sentence
    remedy: Sentence


_COPY_KEY = _("Copy Header Name and Header Value from Flow Message Settings into the Webhook action.")
_NOTHING = _("There is nothing to do.")

EXPLANATIONS: dict[str, Explanation] = {
    Reason.NOT_FOUND: Explanation(
        _("The address is unknown."), _("Copy the Destination URL from Flow Message Settings.")
    ),
    Reason.METHOD_NOT_ALLOWED: Explanation(_("The request was not a POST."), _("Choose POST in the Webhook action.")),
    Reason.TOO_LARGE: Explanation(_("The request is larger than 256 KiB."), _("Send fewer fields.")),
    Reason.TOO_SLOW: Explanation(_("The request did not arrive in time."), _("Klaviyo tries again by itself.")),
    Reason.CONNECTION_DISABLED: Explanation(_("The Klaviyo integration is switched off."), _("Switch it on again.")),
    Reason.KEY_MISSING: Explanation(_("The request carried no authentication key."), _COPY_KEY),
    Reason.KEY_WRONG: Explanation(_("The request carried a wrong authentication key."), _COPY_KEY),
    Reason.KEY_REISSUED: Explanation(_("The request carried an old authentication key."), _COPY_KEY),
    Reason.TOO_MANY: Explanation(
        _("Too many requests came at once."),
        _("Klaviyo tries again by itself. The limit is a setting of the workspace."),
    ),
    Reason.TYPE_UNSUPPORTED: Explanation(
        _("The request was not JSON in UTF-8."), _("Send the body as JSON, as Klaviyo's Webhook action does.")
    ),
    Reason.BODY_INVALID: Explanation(_("The request body is not valid JSON."), _("Copy the body into Klaviyo again.")),
    Reason.RECIPIENT_MISSING: Explanation(
        _("This customer is not linked to a LINE friend: “to” is empty."),
        _("Look at the ID linkage, or add a filter to the Flow."),
    ),
    Reason.RECIPIENT_NOT_MERGED: Explanation(
        _("The merge variable arrived as it was typed."),
        _("The field “to” of the body must be {{ person|lookup:'LINE User ID' }}."),
    ),
    Reason.RECIPIENT_INVALID: Explanation(
        _("“to” is not a LINE User ID."), _("Look at the property LINE User ID of the profile.")
    ),
    Reason.ACCOUNT_UNKNOWN: Explanation(
        _("The LINE account is not in the workspace, or none is named and there are several."),
        _("Copy the body of the right account again."),
    ),
    Reason.BODY_INCOMPLETE: Explanation(
        _("The body has neither text nor message, or both."), _("Give exactly one of the two.")
    ),
    Reason.MESSAGE_UNKNOWN: Explanation(
        _("This Auto Send Message does not exist any more."), _("Restore it, or use Get JSON again.")
    ),
    Reason.TEXT_TOO_LONG: Explanation(_("The text is longer than 5,000 characters."), _("Shorten it.")),
    Reason.UNAVAILABLE: Explanation(
        _("Lumo could not store the request at that moment."), _("Klaviyo tries again by itself.")
    ),
    Reason.DUPLICATE: Explanation(_("The same request came before."), _NOTHING),
    Reason.RECIPIENT_UNKNOWN: Explanation(
        _("LINE does not know this LINE User ID in this account."),
        _("Check the account: the second one's property is LINE User ID 2."),
    ),
    Reason.BLOCKED: Explanation(
        _("The friend has blocked the account."), _("There is nothing to do. A segment can leave such friends out.")
    ),
    Reason.NO_CONSENT: Explanation(_("The friend does not want messages."), _NOTHING),
    Reason.QUIET_HOURS: Explanation(_("The workspace has quiet hours."), _("They are a setting of the workspace.")),
    Reason.CAP: Explanation(_("The friend has had the day's messages."), _("The limit is a setting of the workspace.")),
    Reason.NO_PRODUCTS: Explanation(
        _("There were no products to show."), _("Choose fallback products for the card, or give it words of its own.")
    ),
    Reason.TEXT_EMPTY: Explanation(
        _("Nothing was left of the text once its placeholders were filled."), _("Give the text words of its own.")
    ),
    Reason.EXPIRED: Explanation(_("It was too late to send it: 23 hours had passed."), _("See what held it up.")),
    Reason.INTERNAL: Explanation(
        _("Something went wrong in Lumo."), _("Lumo's log tells more under the trace id. Please report it.")
    ),
    Reason.LINE_BUSY: Explanation(_("LINE is busy or can't be reached."), _("Lumo tries again by itself.")),
    Reason.LINE_REFUSED: Explanation(
        _("LINE refused the message."), _("LINE's own words name the field; correct the message.")
    ),
    Reason.LINE_TOKEN: Explanation(
        _("LINE refuses the account's credentials."),
        _("Connect it again. What waits is kept for 23 hours."),
    ),
    Reason.LINE_FORBIDDEN: Explanation(
        _("LINE does not let the account send: its plan or a permission is missing."),
        _("Mend it at LINE, then end the pause. What waits is kept for 23 hours."),
    ),
    Reason.QUOTA: Explanation(
        _("The month's LINE messages are used up."),
        _("Raise the LINE plan; Lumo notices within 10 minutes. What waits is kept for 23 hours."),
    ),
    Reason.KLAVIYO_KEY: Explanation(
        _("Klaviyo refuses the API key, or it lacks a scope."),
        _("Make a private API key with the scope accounts:read, and connect with it."),
    ),
    Reason.KLAVIYO_REFUSED: Explanation(_("Klaviyo refused the call."), _("Klaviyo's own words tell why.")),
}


def explain(code: str) -> Explanation:
    """The explanation of a stored code; of one that this version does not know, the code itself."""
    return EXPLANATIONS.get(code) or Explanation(code, "")
