"""Messages as files: what is written is read again, and what is wrong is said with its place."""

import hypothesis
import pytest
from hypothesis import given

from lumo.lib.errors import NotPossibleError
from lumo.messaging import files
from lumo.messaging.documents import Button, Document, FlexBlock, PickedProduct, ProductsBlock, TextBlock
from lumo.messaging.files import MessageFile
from tests.contracts import hostile

FILE = """
name: Abandoned cart follow-up
language: en
blocks:
  - type: text
    text: |
      Hi {first_name},
      your cart waits.
  - type: products
    products:
      - {name: Mug, price: 3960, url: https://shop.example/mug}
    button: {text: Look}
"""


def test_a_file_as_a_person_writes_it() -> None:
    assert files.read(FILE.encode()) == MessageFile(
        id="",
        name="Abandoned cart follow-up",
        document=Document(
            language="en",
            blocks=(
                TextBlock(text="Hi {first_name},\nyour cart waits.\n"),
                ProductsBlock(
                    products=(PickedProduct(name="Mug", price=3960, url="https://shop.example/mug"),),
                    button=Button(text="Look"),
                ),
            ),
        ),
    )


def test_a_typed_backslash_is_no_nul() -> None:
    assert files.read(b"name: x\nblocks: [{type: text, text: 'C:\\u0000'}]").document.blocks == (
        TextBlock(text="C:\\u0000"),
    )


def test_what_yaml_would_take_for_something_else_is_what_was_typed() -> None:
    file = b"name: no\nblocks: [{type: products, trigger: 2026-01-01, image_shape: 4:3, title: 12:30, body: off}]"
    read = files.read(file)
    assert (read.name, read.document.blocks) == (
        "no",
        (ProductsBlock(trigger="2026-01-01", image_shape="4:3", title="12:30", body="off"),),
    )


def test_flex_json_may_be_pasted_as_it_is() -> None:
    file = b'name: x\nblocks:\n- type: flex\n  alt_text: x\n  contents: |\n    {"type": "bubble"}\n'
    assert files.read(file).document.blocks == (FlexBlock(contents={"type": "bubble"}, alt_text="x"),)


@hypothesis.settings(max_examples=50, deadline=None)
@given(hostile.documents())
def test_what_is_written_is_read_again(document: Document) -> None:
    for as_json in (False, True):
        message = MessageFile("asm_1", "日本語: 'quoted'\n", document)
        assert files.read(files.write(message, as_json=as_json).encode()) == message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file must hold one message: name, blocks and so on."),
        (b"[]", "The file must hold one message: name, blocks and so on."),
        (b"name: [1]", "The fields id and name of the file must be text."),
        (b"name: x", "Object missing required field blocks."),
        (b"{", "The file is neither YAML nor JSON: expected the node content"),
        (b"a: b: c", "The file is neither YAML nor JSON: mapping values are not allowed here, line 1, column 5."),
        (b"name: a\nname: b", "The file is neither YAML nor JSON: name is there twice, line 2, column 1."),
        (b"1: a", "The file is neither YAML nor JSON: a field's name must be text, line 1, column 1."),
        (b"a: &a [1]\nb: *a", "The file is neither YAML nor JSON: aliases (*name) are not taken, line 2, column 4."),
        (b"name: !!python/object:os.system x", "The file is neither YAML nor JSON: could not determine a constructor"),
        (b"name: \xff", "The file is not UTF-8 text."),
        (b"[" * 50_000, "The file is nested too deeply."),
        (b"x" * 1_000_001, "The file is larger than 1 MB."),
        (b'{"blocks": [{"type": "text", "text": "a\\u0000"}]}', "The file contains the character U+0000"),
        (b"name: !!bool foo\nblocks: []", "The file is neither YAML nor JSON: "),
        (b"name: !!timestamp foo\nblocks: []", "The file is neither YAML nor JSON: "),
        (b"name: !!map [1]\nblocks: []", "The file is neither YAML nor JSON: "),
        (b'{"name": "a\\u0000", "blocks": []}', "The file contains the character U+0000"),
        (b'name: "\\ud800"\nblocks: []', "The file holds what is no text: "),
        (b"blocks: [{type: products, max: " + b"9" * 5000 + b"}]", "The file is neither YAML nor JSON: "),
        (b"blocks: [{type: text, text: 3}]", "Block 1, text: Expected str, got int – write it in quotes."),
        (b"blocks: [{type: flex, contents: '{'}]", "The contents of a block of type flex are not JSON: "),
        (b"blocks: [{type: text, text: a}, {type: video}]", "Block 2, type: Invalid value 'video'."),
        (b"blocks: [{type: text, txt: a}]", "Block 1: Object contains unknown field txt."),
        (b"blocks: [{type: products, button: {opens: x}}]", "Block 1, button: Object missing required field text."),
        (b"blocks: []\ncolour: red", "Object contains unknown field colour."),
        (b"blocks: []\nlanguage: fr", "language: Invalid enum value 'fr'."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(content: bytes, said: str) -> None:
    with pytest.raises(NotPossibleError) as caught:
        files.read(content)
    assert str(caught.value).startswith(said)
