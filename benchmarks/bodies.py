"""The Flow bodies of the load: 4 to 7 KB each, as Klaviyo renders them for a Flow of abandoned carts."""

import json
from collections.abc import Sequence

USERS = 100_000
_SLOTS, _FILLED = 16, 12
_NUMBER = "0000000000"
_ACCOUNT = "oa_0000000000000000"
_USER = "U" + "f" * 32
_PRODUCTS_HERE = "products-here"
_PRODUCT = {
    "id": "7311094874199",
    "title": "%E3%83%AA%E3%83%8D%E3%83%B3%E3%81%AE%E3%83%AF%E3%83%B3%E3%83%94%E3%83%BC%E3%82%B9%20Linen%20dress",
    "price": "12800.0",
    "image": "https%3A//cdn.shopify.com/s/files/1/0533/2089/files/linen-dress-front_1024x1024.jpg%3Fv%3D1722400000",
    "url": "https%3A//shop.example/products/linen-dress%3Fvariant%3D43120985",
}


# Of the cards: carts of twelve out of 300 products, so that few are alike.
_PRODUCTS, _CARTS = 300, 60

CARD_FILE = {
    "name": "Bench",
    "currency": "JPY",
    "notification": "{first_name} 様、カートに商品が残っています",
    "blocks": [
        {
            "type": "products",
            "trigger": "abandoned_cart",
            "max": 12,
            "body": "まだ在庫があります",
            "button": {"text": "カートに戻る", "opens": "{cart_url}"},
        }
    ],
}


class Bodies:
    """Makes body `number` from parts that are encoded once; users, LINE accounts and carts take turns.

    They name `message`, an Auto Send Message, if there is one; else they carry a text.
    """

    def __init__(self, accounts: Sequence[str], *, message: str = "") -> None:
        self._accounts = [account.encode() for account in accounts]
        content = _card_body(message) if message else _text_body()
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        before_account, rest = text.split(_ACCOUNT)
        before_user, rest = rest.split(_USER)
        before_number, tail = rest.split(_NUMBER)
        self._head, self._middle, self._last = (
            part.encode() for part in (before_account, before_user + "U", before_number)
        )
        self._tails = [
            tail.replace(_dump(_PRODUCTS_HERE), _dump(cart)).encode() for cart in (_carts() if message else [None])
        ]

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
                self._tails[number % len(self._tails)],
            )
        )


def _text_body() -> dict[str, object]:
    empty = dict.fromkeys(_PRODUCT, "")
    text = "{first_name} 様、カートに商品が残っています。ご注文はこちらから: {cart_url}"
    return _body({"text": text}, [_PRODUCT] * _FILLED + [empty] * (_SLOTS - _FILLED))


def _card_body(message: str) -> dict[str, object]:
    return _body({"message": message}, _PRODUCTS_HERE)


def _body(content: dict[str, str], products: object) -> dict[str, object]:
    return {
        "account": _ACCOUNT,
        "to": _USER,
        **content,
        "placement": "pl_benchmark0000001",
        "profile": "01HZY2E6T9W3Q5R7S8V0X1ABCD",
        "event": _NUMBER,
        "enc": "urlencode",
        "esc": "A&B",
        "variables": {
            "first_name": "%E8%8A%B1%E5%AD%90",
            "cart_url": "https%3A//shop.example/cart/c/1f0c2c9b7b2f4b4e%3Fkey%3D7f3a",
            "shop_url": "https%3A//shop.example",
        },
        "products": products,
    }


def _carts() -> list[list[dict[str, str]]]:
    """Slots as Get JSON has them for abandoned carts, twelve of sixteen filled."""
    products = [_cart_product(number) for number in range(_PRODUCTS)]
    empty = dict.fromkeys(products[0], "")
    return [
        [products[(cart * 5 + line * 7) % _PRODUCTS] for line in range(_FILLED)] + [empty] * (_SLOTS - _FILLED)
        for cart in range(_CARTS)
    ]


def _cart_product(number: int) -> dict[str, str]:
    return {
        "id": str(7_311_094_874_199 + number),
        "variant": str(43_120_985_000 + number),
        "title": f"{_PRODUCT['title']}%20{number}",
        "variant_title": "%E7%99%BD%20/%20M",
        "image": _PRODUCT["image"].replace("front", f"front-{number}"),
        "handle": f"linen-dress-{number}",
        "price": f"{12_800 + 10 * number}.0",
        "line_price": f"{12_800 + 10 * number}.0",
        "quantity": "1.0",
        "compare_at": "15800.0" if number % 3 else "None",
    }


def _dump(cart: object) -> str:
    return json.dumps(cart, ensure_ascii=False, separators=(",", ":"))
