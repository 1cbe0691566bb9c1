"""The sandbox's sample shop: a LINE account with a friend, Klaviyo, Auto Send Messages, and the Flows that send them.

Does what `workspace create`, `line connect`, `klaviyo connect`, `message import` and a marketer in Klaviyo do, each
where nobody has, so that a run that was cut short is gone on with.
"""

from pathlib import Path

import msgspec
from django.conf import settings as django_settings

from lumo.accounts.services import connect as connect_account
from lumo.lib import clock
from lumo.lib.settings import Settings
from lumo.messaging.documents import Block, Button, Document, Fallback, PickedProduct, ProductsBlock, TextBlock
from lumo.messaging.models import AutoSendMessage
from lumo.messaging.samples import sample_profiles
from lumo.messaging.services import place, save_message
from lumo.messaging.triggers import TRIGGERS
from lumo.profiles.models import KlaviyoConnection
from lumo.profiles.services import connect as connect_klaviyo
from lumo.profiles.services import read_flow_settings
from lumo.sandbox.flow_record import Flow, FlowRecord, NewFlow
from lumo.sandbox.flow_runner import flow_record_path
from lumo.sandbox.record import LineRecord
from lumo.workspaces.models import Workspace
from lumo.workspaces.services import create_workspace

_SHOP = "Sample Shop"
_CHANNEL_ID = "1650000000"
_CHANNEL_SECRET = "0123456789abcdef" * 2  # any is right in the sandbox


class SampleFlow(msgspec.Struct, frozen=True):
    """A Flow to run: in the record of Flows, and the LINE channel by which it reaches people."""

    flow: Flow
    channel_id: str


def line_record() -> Path:
    """Where the emulated LINE keeps its record."""
    return Path(django_settings.LUMO_SANDBOX_RECORD)


def flow_record() -> Path:
    """Where the emulated Klaviyo keeps its record."""
    return flow_record_path(line_record())


def pictures(settings: Settings) -> str:
    """The address of the folder of our sample pictures."""
    return f"{settings.public_url}/static/messaging/samples"


def set_up(settings: Settings) -> SampleFlow:
    """Set the shop up as far as it is not; returns its Flow for abandoned carts.

    The shop is the first workspace that is connected to both sides. Raises ProviderError, DocumentInvalidError.
    """
    klaviyo = KlaviyoConnection.objects.filter(workspace__accounts__isnull=False).order_by("pk").first()
    klaviyo = klaviyo or _connect(settings)
    account = klaviyo.workspace.accounts.order_by("number")[0]
    with FlowRecord(flow_record()) as record:
        flows = [_find_or_paste(record, klaviyo, settings, document) for document in _documents(settings)]
    return SampleFlow(flows[0], account.channel_id)


def _connect(settings: Settings) -> KlaviyoConnection:
    workspace = Workspace.objects.filter(name=_SHOP).first() or create_workspace(name=_SHOP)
    with LineRecord(line_record()) as record:
        record.register_channel(_CHANNEL_ID, display_name=_SHOP)
        for profile in sample_profiles():
            user_id = profile.person.get("LINE User ID")
            if user_id:
                name = str(profile.person["first_name"])
                record.set_friend(_CHANNEL_ID, user_id, state="following", display_name=name)
    if not workspace.accounts.exists():
        connect_account(workspace, channel_id=_CHANNEL_ID, channel_secret=_CHANNEL_SECRET, settings=settings)
    return connect_klaviyo(workspace, api_key="pk_sample", settings=settings)


def _find_or_paste(record: FlowRecord, klaviyo: KlaviyoConnection, settings: Settings, document: Document) -> Flow:
    """The Flow that sends such a message, with the door as it is now: the sandbox may listen elsewhere today."""
    name = _NAMES[document.trigger()]
    known = next((flow for flow, _ in record.list_flows() if flow.name == name), None)
    message = klaviyo.workspace.messages.filter(name=name, archived_at=None).first()
    if message is None:
        message = _save(klaviyo.workspace, name, document, settings)
        known = None
    door = read_flow_settings(klaviyo, settings)
    new = NewFlow(
        name=name,
        metric=TRIGGERS[document.trigger()].metric,
        destination_url=door.destination_url,
        header_name=door.header_name,
        header_value=door.header_value,
        body=known.body if known else place(message, klaviyo.workspace.accounts.order_by("number")[0]).body,
    )
    if known is None:
        return record.add_flow(new, now_ms=clock.unix_ms())
    record.change_flow(known.id, new)
    return record.get_flow(known.id)


def _save(workspace: Workspace, name: str, document: Document, settings: Settings) -> AutoSendMessage:
    return save_message(workspace, name=name, document=document, http_origin=settings.http_origin()).message


_NAMES = {
    "abandoned_cart": "Abandoned cart follow-up",
    "browse_reminder": "Browse reminder",
    "back_in_stock": "Back in stock",
}


_TO_PRODUCT = Button(text="商品を見る")


def _documents(settings: Settings) -> list[Document]:
    """What the shop's Flows send; the first is for abandoned carts."""
    soap = PickedProduct(
        name="柚子のせっけん",
        url="https://shop.example/products/yuzu-soap",
        image=f"{pictures(settings)}/soap.jpg",
        price=1320,
    )
    fallback = Fallback(products=(soap,), button=_TO_PRODUCT)
    to_cart = Button(text="カートに戻る", opens="{cart_url}", otherwise="https://shop.example/cart")
    return [
        _document(
            "{first_name}さん、カートに商品が残っています",
            TextBlock(text="{first_name}さん、カートに商品が残っています。明日の夜までお取り置きします。"),
            ProductsBlock(
                trigger="abandoned_cart", max=12, body="まだ在庫があります", button=to_cart, fallback=fallback
            ),
        ),
        _document(
            "気になる商品はまだ在庫があります",
            ProductsBlock(trigger="browse_reminder", body="在庫が少なくなっています", button=_TO_PRODUCT),
        ),
        _document(
            "お待たせしました。再入荷しました",
            TextBlock(text="{first_name}さん、お待たせしました。ご希望の商品が再入荷しました。"),
            ProductsBlock(trigger="back_in_stock", button=_TO_PRODUCT, fallback=fallback),
        ),
    ]


def _document(notification: str, *blocks: Block) -> Document:
    return Document(notification=notification, currency="JPY", defaults={"first_name": "お客様"}, blocks=blocks)
