"""The tags of Klaviyo's templates that a webhook body can use, and words for those that it can't.

Django's own are Django's. https://developers.klaviyo.com/en/docs/django_message_design
"""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.template import Context, Library, Node, TemplateSyntaxError, defaulttags
from django.template.base import FilterExpression, Parser, TextNode, Token, TokenType, render_value_in_context
from django.utils.safestring import SafeString

from lumo.integrations.klaviyo.template_dates import MONTHS, WEEKDAYS, format_date, format_directives
from lumo.integrations.klaviyo.template_limits import TemplateFault
from lumo.integrations.klaviyo.template_rendering import Rendering
from lumo.integrations.klaviyo.template_values import look_up

Compile = Callable[[Parser, Token], Node]

register = Library()
for _name in ("autoescape", "comment", "cycle", "firstof", "if", "spaceless", "templatetag", "widthratio", "with"):
    register.tag(_name, defaulttags.register.tags[_name])

# Each of them needs a message that Klaviyo sends, or data that only Klaviyo holds.
_ONLY_IN_MESSAGES = (
    *("barcode", "catalog", "coupon_code", "currency_format", "customobject", "customobjects", "has_category"),
    *("manage_preferences", "manage_preferences_link", "render_variable", "unsubscribe", "unsubscribe_link"),
    *("update_property_link", "web_view", "web_view_link"),
)
_INSTEAD = {
    "assign": "{% with name=value %}",
    "capture": "{% with name=value %}",
    "elsif": "{% elif %}",
    "raw": "{% verbatim %}",
    "unless": "{% if not … %}",
}


def explain_unknown_tag(name: str) -> str:
    """A sentence that says why there is no such tag, and what to write instead where that is known."""
    if name in _INSTEAD:
        return f"Klaviyo has no {{% {name} %}}; write {_INSTEAD[name]}."
    if name in {"else", "elif", "empty"} or name.startswith("end"):
        return f"{{% {name} %}} stands where no tag is open that it could belong to."
    return f"Klaviyo lists no tag named '{name:.40}'."


class _CountedSequence:
    """What a loop goes through; every round of it is a step of the rendering."""

    def __init__(self, expression: FilterExpression | str) -> None:
        assert isinstance(expression, FilterExpression)
        self._expression = expression

    def resolve(self, context: Rendering, ignore_failures: bool = False) -> object:
        values = self._expression.resolve(context, ignore_failures)
        if not isinstance(values, (list, dict, str)):
            return [] if values is None else values
        context.step(len(values))
        return values


class _IfChanged(defaulttags.IfChangedNode):
    """Django's, but what it remembers is kept beside the loops, where no data can stand in for it."""

    def _get_context_stack_frame(self, context: Context) -> dict[object, object]:
        assert isinstance(context, Rendering)
        return context.memory_of(context.get("forloop"))


class _ClockNode(Node):
    """Writes the time of the account's zone, or puts it into a variable."""

    def __init__(self, write: Callable[[datetime], str], name: str = "") -> None:
        self._write = write
        self._name = name

    def render(self, context: Context) -> SafeString:
        text = self._write(_now(context))
        if self._name:
            context[self._name] = text
        return SafeString("" if self._name else render_value_in_context(text, context))


@register.tag("for")
def compile_for(parser: Parser, token: Token) -> Node:
    """Django's loop, with its rounds counted."""
    node = defaulttags.do_for(parser, token)
    node.sequence = _CountedSequence(node.sequence)  # type: ignore[assignment] # all that it needs is resolve
    return node


@register.tag("ifchanged")
def compile_ifchanged(parser: Parser, token: Token) -> Node:
    """Django's, with a memory of its own."""
    node = defaulttags.ifchanged(parser, token)
    return _IfChanged(node.nodelist_true, node.nodelist_false, *node._varlist)  # type: ignore[attr-defined]


@register.tag("verbatim")
def compile_verbatim(parser: Parser, token: Token) -> Node:
    """What stands between, as it stands."""
    end = f"end{token.contents}"
    parts: list[str] = []
    while parser.tokens:
        part = parser.next_token()
        if part.token_type == TokenType.BLOCK and part.contents == end:
            return TextNode("".join(parts))
        parts.append(part.contents)
    raise TemplateSyntaxError(f"{{% {token.contents} %}} is never closed.")


@register.tag("now")
def compile_now(_parser: Parser, token: Token) -> Node:
    """The time by a pattern of Django's date filter, written or put into a variable: {% now "Y" as year %}."""
    pattern, name = _pattern_and_name(token)
    return _ClockNode(lambda at: format_date(at, pattern), name)


@register.tag("today")
def compile_today(_parser: Parser, token: Token) -> Node:
    """The day by a pattern such as %Y-%m-%d, which only goes into a variable: {% today "%Y-%m-%d" as today %}."""
    pattern, name = _pattern_and_name(token)
    if not name:
        raise TemplateSyntaxError('{% today %} needs a pattern and a name: {% today "%Y-%m-%d" as today %}.')
    return _ClockNode(lambda at: format_directives(at, pattern), name)


def _pattern_and_name(token: Token) -> tuple[str, str]:
    tag, *bits = token.split_contents()
    pattern, name = bits[0] if bits else "", bits[2] if len(bits) == 3 and bits[1] == "as" else ""
    if len(pattern) < 2 or pattern[0] not in "\"'" or pattern[-1] != pattern[0] or (len(bits) > 1 and not name):
        raise TemplateSyntaxError(f"{{% {tag} %}} needs a pattern in quotes.")
    return pattern[1:-1], name


def _now(context: Context) -> datetime:
    name = look_up(context.get("organization"), "timezone")
    try:
        return datetime.now(ZoneInfo(name) if isinstance(name, str) else UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return datetime.now(UTC)


def _clock(write: Callable[[datetime], str]) -> Compile:
    return lambda _parser, _token: _ClockNode(write)


def _refuse(name: str) -> Compile:
    def compile_refused(_parser: Parser, _token: Token) -> Node:
        raise TemplateFault(f"{{% {name} %}} does not work in a webhook: only Klaviyo's own messages can fill it.")

    return compile_refused


register.tag("current_day", _clock(lambda at: str(at.day)))
register.tag("current_month", _clock(lambda at: str(at.month)))
register.tag("current_month_name", _clock(lambda at: MONTHS[at.month - 1]))
register.tag("current_weekday", _clock(lambda at: WEEKDAYS[at.weekday()]))
register.tag("current_year", _clock(lambda at: str(at.year)))
for _name in _ONLY_IN_MESSAGES:
    register.tag(_name, _refuse(_name))
