"""The Flow bodies of the load: about 4 KB each, as Klaviyo renders Get JSON for a Flow of abandoned carts."""

import json
from collections.abc import Sequence

USERS = 100_000
_SLOTS, _FILLED = 16, 12
_NUMBER = "0000000000"
_ACCOUNT = "oa_0000000000000000"
_USER = "U" + "f" * 32
_PRODUCT = {
    "id": "7311094874199",
    "title": "%E3%83%AA%E3%83%8D%E3%83%B3%E3%81%AE%E3%83%AF%E3%83%B3%E3%83%94%E3%83%BC%E3%82%B9%20Linen%20dress",
    "price": "12800.0",
    "image": "https%3A//cdn.shopify.com/s/files/1/0533/2089/files/linen-dress-front_1024x1024.jpg%3Fv%3D1722400000",
    "url": "https%3A//shop.example/products/linen-dress%3Fvariant%3D43120985",
}


class Bodies:
    """Makes body `number` from parts that are encoded once; users and LINE accounts take turns."""

    def __init__(self, accounts: Sequence[str]) -> None:
        self._accounts = [account.encode() for account in accounts]
        text = json.dumps(_body(), ensure_ascii=False, separators=(",", ":"))
        before_account, rest = text.split(_ACCOUNT)
        before_user, rest = rest.split(_USER)
        before_number, self._tail = (part.encode() for part in rest.split(_NUMBER))
        self._head, self._middle, self._last = before_account.encode(), before_user.encode() + b"U", before_number

    def make(self, number: int, planned: float) -> bytes:
        """Body `number`, which was to be sent at `planned` (unix seconds)."""
        return b"".join(
            (
                self._head,
                self._accounts[number % len(self._accounts)],
                self._middle,
                b"%032x" % (number % USERS),
                self._last,
                b"%d-%.3f" % (number, planned),
                self._tail,
            )
        )


def _body() -> dict[str, object]:
    empty = dict.fromkeys(_PRODUCT, "")
    return {
        "account": _ACCOUNT,
        "to": _USER,
        "text": "{first_name} 様、カートに商品が残っています。ご注文はこちらから: {cart_url}",
        "placement": "pl_benchmark0000001",
        "profile": "01HZY2E6T9W3Q5R7S8V0X1ABCD",
        "event": _NUMBER,
        "enc": "urlencode",
        "esc": "A&B",
        "variables": {
            "first_name": "%E8%8A%B1%E5%AD%90",
            "cart_url": "https%3A//shop.example/cart/c/1f0c2c9b7b2f4b4e%3Fkey%3D7f3a",
        },
        "products": [_PRODUCT] * _FILLED + [empty] * (_SLOTS - _FILLED),
    }
