"""Django's parser, confined: its variables see plain data only, and its nodes count and know their lines."""

import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from django.core.exceptions import SuspiciousOperation
from django.template import Engine, Library, Node, NodeList, Template, TemplateSyntaxError, VariableDoesNotExist
from django.template.base import FilterExpression, Lexer, Parser, Token, TokenType, Variable
from django.template.defaulttags import AutoEscapeControlNode, ForNode, IfChangedNode, IfNode, SpacelessNode, WithNode
from django.utils.functional import Promise
from django.utils.safestring import SafeData, mark_safe

from lumo.integrations.klaviyo import template_filters, template_tags
from lumo.integrations.klaviyo.template_limits import NESTING_LIMIT, TAG_LENGTH_LIMIT, TemplateFault
from lumo.integrations.klaviyo.template_rendering import Rendering
from lumo.integrations.klaviyo.template_values import MISSING, check_size, look_up

# What Django's tags and filters raise for data they don't expect.
_ERRORS = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, StopIteration, TypeError, ValueError),
    *(SuspiciousOperation, TemplateSyntaxError, VariableDoesNotExist),
)
_HOLDERS = (AutoEscapeControlNode, ForNode, IfChangedNode, IfNode, SpacelessNode, WithNode)
_SPACE_AFTER_COLON = re.compile(r"\|\s*\w+:\s")
_SENTENCE_LIMIT = 300  # characters; Django repeats the whole tag
_PLACE = re.compile(r"(?i) on line \d+| at line \d+")


def parse(source: str) -> Template:
    """The template, ready to render. Raises TemplateFault."""
    try:
        return _Template(source, engine=_ENGINE)
    except TemplateFault as fault:
        fault.line = fault.line or _line_of(fault)
        raise
    except _ERRORS as error:
        raise TemplateFault(_sentence(error), line=_line_of(error)) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "A condition, or the data, is nested too deeply."
    if isinstance(error, MemoryError):
        return "The template needs too much memory."
    words = " ".join(_PLACE.sub("", str(error)).split()).rstrip(".") or "The template asks for what it may not"
    return f"{words[:_SENTENCE_LIMIT]}."


def _line_of(error: Exception) -> int | None:
    token = getattr(error, "token", None)
    return token.lineno if isinstance(token, Token) else None


class _Template(Template):
    def compile_nodelist(self) -> NodeList:
        """Django's, with our parser and no library to load."""
        tokens = Lexer(self.source).tokenize()
        for token in tokens:
            if token.token_type != TokenType.TEXT and len(token.contents) > TAG_LENGTH_LIMIT:
                raise TemplateFault(f"A tag is longer than {TAG_LENGTH_LIMIT:,} characters.", line=token.lineno)
        return _Parser(tokens, {}, [_LIBRARY], self.origin).parse()


class _Parser(Parser):
    _depth = 0

    def parse(self, parse_until: Iterable[str] | None = None) -> NodeList:
        """Django's, not deeper than the limit."""
        self._depth += 1
        if self._depth > NESTING_LIMIT:
            raise TemplateFault(f"Tags are nested more than {NESTING_LIMIT} deep.")
        nodes = super().parse(parse_until)
        self._depth -= 1
        return nodes

    def next_token(self) -> Token:
        """Django's; the last token tells the line of a fault."""
        self._last = super().next_token()
        return self._last

    def compile_filter(self, token: str) -> FilterExpression:
        """A variable with its filters, confined to plain data."""
        try:
            return _Expression(token, self)
        except TemplateFault as fault:
            fault.line = self._last.lineno
            raise

    def find_filter(self, filter_name: str) -> Callable[..., object]:
        """Django's, with our words."""
        if filter_name not in self.filters:
            raise TemplateFault(f"Klaviyo lists no filter named '{filter_name:.40}'.")
        return self.filters[filter_name]

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        """Django's, then the node is wrapped into one that counts."""
        super().extend_nodelist(nodelist, node, token)
        nodelist[-1] = _CountingNode(node, token.lineno)

    def invalid_block_tag(self, token: Token, command: str, parse_until: Iterable[str] | None = None) -> None:  # noqa: ARG002
        """Django's, with our words."""
        raise self.error(token, TemplateFault(template_tags.explain_unknown_tag(command)))

    def unclosed_block_tag(self, parse_until: Iterable[str]) -> None:  # noqa: ARG002
        """Django's, with our words."""
        command, token = self.command_stack.pop()
        raise self.error(token, TemplateFault(f"{{% {command} %}} is never closed."))


class _CountingNode(Node):
    """A node of Django's that costs a step, and whose faults name its line."""

    def __init__(self, node: Node, line: int | None) -> None:
        self._node = node
        self._line = line
        self._is_leaf = not isinstance(node, _HOLDERS)

    def render(self, context: Rendering) -> str:  # type: ignore[override]
        try:
            context.step()
            text = self._node.render(context)
            if self._is_leaf:
                context.write(len(text))
        except TemplateFault as fault:
            fault.line = fault.line or self._line
            raise
        except _ERRORS as error:
            raise TemplateFault(_sentence(error), line=self._line) from error
        return text


class _PlainVariable(Variable):
    """A variable that is looked up by key and index, never by attribute."""

    def _resolve_lookup(self, context: Rendering) -> object:
        first, *others = self.lookups or ()
        current = context.get(first, MISSING)
        for name in others:
            current = look_up(current, name)
        if current is MISSING:
            raise VariableDoesNotExist("%s has no value here, and the argument of a filter needs one", (self.var,))
        return current


class _Expression(FilterExpression):
    """A variable with its filters, each of which is a step and may not make too large a value."""

    def __init__(self, token: str, parser: _Parser) -> None:
        try:
            super().__init__(token, parser)
        except TemplateSyntaxError:
            _explain_known_traps(token)
            raise
        self.var = _confined(self.var)
        self.filters = [(run, [(is_name, _confined(value)) for is_name, value in given]) for run, given in self.filters]

    def resolve(self, context: Rendering, ignore_failures: bool = False) -> object:  # type: ignore[override]
        """Django's: a missing value is empty, and is None where failures are ignored."""
        value: object = self.var
        if isinstance(value, Variable):
            try:
                value = value.resolve(context)
            except VariableDoesNotExist:
                value = None if ignore_failures else ""
        for run, given in self.filters:
            value = _apply(run, value, given, context)
        return value


def _apply(run: object, value: object, given: list[tuple[bool, object]], context: Rendering) -> object:
    arguments = [argument.resolve(context) if isinstance(argument, Variable) else argument for _, argument in given]
    options = {"autoescape": context.autoescape} if getattr(run, "needs_autoescape", False) else {}
    assert callable(run)
    made: object = run(value, *arguments, **options)
    context.step(size=check_size(made))
    if getattr(run, "is_safe", False) and isinstance(value, SafeData):
        return mark_safe(str(made))  # noqa: S308 - Django's own rule for filters that keep safe text safe
    return made


def _confined(value: object) -> object:
    if isinstance(value, Promise) or (isinstance(value, Variable) and value.translate):
        raise TemplateFault("Klaviyo translates nothing: write the text without _( ).")
    if isinstance(value, Variable) and value.lookups is not None:
        return _PlainVariable(value.var)
    return value


def _explain_known_traps(token: str) -> None:
    if ".$" in token:
        raise TemplateFault(
            f"A name that begins with $ needs a filter: write |lookup:'$…' in place of .$ in {token:.80}."
        )
    if _SPACE_AFTER_COLON.search(token):
        raise TemplateFault(f"No space may follow the colon of a filter: {token:.80}.")


class _Engine(Engine):
    default_builtins: ClassVar[list[str]] = []


_LIBRARY = Library()
_LIBRARY.tags.update(template_tags.register.tags)
_LIBRARY.filters.update(template_filters.register.filters)
_ENGINE = _Engine(loaders=[], string_if_invalid="", debug=False)
