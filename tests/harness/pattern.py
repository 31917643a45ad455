"""What a `<` line of a session expects, and whether a reply matches it.

Grammar (README.md has examples):

    pattern = choice | "-" CODE [part of the message]
    choice  = item { "|" item }
    item    = "+" STATUS | ":" INT [".." INT] | QUOTED | "~" QUOTED {"~" QUOTED} | "nil" | "any"
            | "[" { choice } "]"                     an array in this order
            | "{" [ group { "," group } ] "}"        an array whose groups come in any order
    group   = choice { choice }
"""

import re

from resp import Error, Status, unquote

TOKEN = re.compile(r'\s*(~?"(?:[^"\\]|\\.)*"|\+[^\s\]},|]*|:-?\d+(?:\.\.-?\d+)?|nil|any|[][{},|])')


class Pattern:
    def __init__(self, text):
        self.text = text
        self.is_closed = text == "closed"
        if text.startswith("-"):
            code, _, part = text[1:].partition(" ")
            self.matches = lambda reply: (
                isinstance(reply, Error) and reply.code == code and part.encode() in reply
            )
        elif not self.is_closed:
            self.tokens = tokens_of(text)
            self.matches = self._choice()
            assert not self.tokens, f"what is {self.tokens[0]!r} here?"

    def _next_is(self, *tokens):
        return bool(self.tokens) and self.tokens[0] in tokens

    def _choice(self):
        items = [self._item()]
        while self._next_is("|"):
            self.tokens.pop(0)
            items.append(self._item())
        return lambda reply: any(item(reply) for item in items)

    def _item(self):
        token = self.tokens.pop(0)
        if token == "[":
            return in_order(self._items_until("]"))
        if token == "{":
            return in_any_order(self._groups())
        if token == "any":
            return lambda reply: True
        if token == "nil":
            return lambda reply: reply is None
        if token[0] == "+":
            return lambda reply: isinstance(reply, Status) and reply == token[1:].encode()
        if token[0] == ":":
            return integer_between(token[1:])
        if token[0] == "~":
            return self._text_with(token)
        return lambda reply: type(reply) is bytes and reply == unquote(token[1:-1])

    def _text_with(self, token):
        parts = [unquote(token[2:-1])]
        while self.tokens and self.tokens[0][0] == "~":
            parts.append(unquote(self.tokens.pop(0)[2:-1]))
        return lambda reply: type(reply) is bytes and all(part in reply for part in parts)

    def _items_until(self, *ends):
        items = []
        while not self._next_is(*ends):
            items.append(self._choice())
        self.last_end = self.tokens.pop(0)
        return items

    def _groups(self):
        groups, self.last_end = [], ","
        while self.last_end == ",":
            groups.append(self._items_until(",", "}"))
        return [group for group in groups if group]


def tokens_of(text):
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match, f"can't read {text[at:]!r}"
        tokens.append(match[1])
        at = match.end()
    return tokens


def integer_between(text):
    low, _, high = text.partition("..")
    numbers = range(int(low), int(high or low) + 1)
    return lambda reply: type(reply) is int and reply in numbers


def in_order(items):
    return lambda reply: (
        isinstance(reply, list)
        and len(reply) == len(items)
        and all(item(part) for item, part in zip(items, reply))
    )


def in_any_order(groups):
    def matches(reply):
        if not isinstance(reply, list) or len(reply) != sum(map(len, groups)):
            return False
        left, size = list(reply), len(groups[0]) if groups else 1
        for group in groups:
            chunks = [left[i : i + size] for i in range(0, len(left), size)]
            found = [i for i, chunk in enumerate(chunks) if in_order(group)(chunk)]
            if not found:
                return False
            del left[found[0] * size : (found[0] + 1) * size]
        return not left

    return matches


def show(reply):
    """A reply in the notation of patterns."""
    if reply is None:
        return "nil"
    if isinstance(reply, Error):
        return "-" + reply.decode(errors="replace")
    if isinstance(reply, Status):
        return "+" + reply.decode(errors="replace")
    if isinstance(reply, int):
        return f":{reply}"
    if isinstance(reply, list):
        return " ".join(["[", *map(show, reply), "]"])
    text = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in reply)
    return f'"{text}"'
