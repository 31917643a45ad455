"""Reads C without a compiler, as far as a structure is concerned: what a file includes, declares,
defines and names. It knows the C of this project: no K&R functions, no nested ones, no #if around
half a declaration.
"""

import pathlib
import re
from typing import NamedTuple

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|->|\.\.\.|##|\S")
NAME = re.compile(r"[A-Za-z_]\w*")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
DEFINE = re.compile(r"#[ \t]*define[ \t]+(\w+)(\([^)]*\))?(.*)", re.DOTALL)
COMMENT_OR_TEXT = re.compile(
    r"""//(?:[^\n\\]|\\.)*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", re.DOTALL
)
KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while bool true false NULL _Bool _Static_assert _Noreturn __attribute__".split()
)
TYPES = ("char", "int", "long", "short", "signed", "unsigned", "bool", "float", "double", "void")
TAGS = ("struct", "union", "enum")


class Token(NamedTuple):
    text: str
    line: int


class Function(NamedTuple):
    name: str
    line: int
    lines: int  # from that of its name to that of its closing brace
    is_static: bool


def blank(match):
    """A comment becomes nothing and a text becomes \"\", with as many lines as before."""
    text = match[0]
    return ('""' if text[0] in "\"'" else " ") + "\n" * text.count("\n")


def split_directives(text):
    """The code with its directives blanked, and the directives, each with its line."""
    code, directives, number = [], [], 1
    lines = iter(text.split("\n"))
    for line in lines:
        if not line.lstrip().startswith("#"):
            code.append(line)
            number += 1
            continue
        parts = [line]
        while parts[-1].endswith("\\"):
            parts.append(next(lines, ""))
        directives.append(Token("\n".join(part.rstrip("\\") for part in parts), number))
        code += [""] * len(parts)
        number += len(parts)
    return "\n".join(code), directives


def tokens_of(text, line=1):
    found = []
    for number, part in enumerate(text.split("\n"), line):
        found += [Token(match[0], number) for match in TOKEN.finditer(part)]
    return found


def matching(tokens, at):
    """Where the bracket at `at` is closed."""
    opening, depth = tokens[at].text, 0
    closing = {"(": ")", "{": "}", "[": "]"}[opening]
    for i in range(at, len(tokens)):
        if tokens[i].text == opening:
            depth += 1
        elif tokens[i].text == closing:
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def without_attributes(tokens):
    kept, at = [], 0
    while at < len(tokens):
        if tokens[at].text == "__attribute__" and at + 1 < len(tokens):
            at = matching(tokens, at + 1)
        else:
            kept.append(tokens[at])
        at += 1
    return kept


class Source:
    """One file."""

    def __init__(self, path, text):
        self.path = path
        self.line_count = text.count("\n")
        self.includes = INCLUDE.findall(COMMENT_OR_TEXT.sub(keep_texts, text))
        code, self.directives = split_directives(COMMENT_OR_TEXT.sub(blank, text))
        self.tokens = tokens_of(code)
        self.functions = []  # defined here
        self.prototypes = set()
        self.tags = set()  # structs, unions and enums whose members are told here
        self.forward_tags = set()
        self.constants = set()
        self.macros = {}  # name: body
        self.types = set()
        self._read_macros()
        self._read_declarations()
        self._read_lists()

    @property
    def stem(self):
        return str(pathlib.PurePosixPath(self.path).with_suffix(""))

    @property
    def is_header(self):
        return self.path.endswith(".h")

    def declared_names(self):
        """Names but tags that another file may use by including this one."""
        functions = {f.name for f in self.functions} | self.prototypes
        return functions | self.constants | set(self.macros) | self.types

    def uses(self):
        """Each name that is used here, with the first line: what may be a function, constant, macro or
        type, and the tags of structs, unions and enums."""
        names, tags = {}, {}
        for tokens in (self.tokens, *self._macro_tokens()):
            note_uses(tokens, names, tags)
        return names, tags

    def _macro_tokens(self):
        for text, line in self.directives:
            define = DEFINE.match(text.strip())
            if define:
                yield tokens_of(define[3], line)

    def _read_macros(self):
        for text, _ in self.directives:
            define = DEFINE.match(text.strip())
            if define:
                self.macros[define[1]] = define[3]

    def _read_declarations(self):
        at = 0
        while at < len(self.tokens):
            at = self._read_declaration(at)

    def _read_declaration(self, start):
        """One declaration at the file's top level; returns where the next begins."""
        at = start
        while at < len(self.tokens):
            text = self.tokens[at].text
            if text == ";":
                self._take(self.tokens[start:at])
                return at + 1
            if text in "([":
                at = matching(self.tokens, at)
            elif text == "{":
                end = matching(self.tokens, at)
                if self._is_function(start, at):
                    self._take_function(start, at, end)
                    return end + 1
                self._take_tags(at, end)
                at = end
            at += 1
        return at

    def _is_function(self, start, brace):
        head = without_attributes(self.tokens[start:brace])
        return bool(head) and head[-1].text == ")" and "=" not in [token.text for token in head]

    def _take_function(self, start, brace, end):
        head = without_attributes(self.tokens[start:brace])
        name = declared_name(head)
        is_static = any(token.text == "static" for token in head)
        lines = self.tokens[end].line - name.line + 1
        self.functions.append(Function(name.text, name.line, lines, is_static))

    def _take_tags(self, brace, end):
        """The tags and constants of a struct, union or enum in braces, those inside included."""
        for at in range(max(0, brace - 2), end):
            is_tag = self.tokens[at].text in TAGS
            opening = next((i for i in (at + 1, at + 2) if i <= end and self.tokens[i].text == "{"), None)
            if not is_tag or opening is None:
                continue
            if opening == at + 2:
                self.tags.add(self.tokens[at + 1].text)
            if self.tokens[at].text == "enum":
                self._take_constants(opening, matching(self.tokens, opening))

    def _take_constants(self, brace, end):
        for before, token in zip(self.tokens[brace:end], self.tokens[brace + 1 : end]):
            if before.text in "{," and NAME.fullmatch(token.text):
                self.constants.add(token.text)

    def _take(self, tokens):
        """A declaration that ends with a semicolon."""
        tokens = without_attributes(tokens)
        texts = [token.text for token in tokens]
        if not texts or texts[0] == "_Static_assert":
            return
        if texts[0] == "typedef":
            self.types.add(typedef_name(texts))
        elif len(texts) == 2 and texts[0] in TAGS:
            self.forward_tags.add(texts[1])
        elif "(" in texts and "=" not in texts and "{" not in texts:
            name = declared_name(tokens)
            if name:
                self.prototypes.add(name.text)
        elif self.is_header and len(texts) == 2:  # `answer_render render_text;`, whose type is a function's
            self.prototypes.add(texts[1])

    def _read_lists(self):
        """Constants that an enum takes from a list: `#define X(name) REPLY_##name,` and `REPLY_CODES(X)`."""
        for text, line in self.directives:
            pattern = re.fullmatch(r"#\s*define\s+X\([^)]*\)\s*(\w+)##\w+,\s*", text.strip())
            if pattern:
                names = re.findall(r"\bX\((\w+)", self.macros.get(self._list_after(line), ""))
                self.constants.update(pattern[1] + name for name in names)

    def _list_after(self, line):
        """The name in the first `NAME(X)` behind that line."""
        for at in range(len(self.tokens) - 3):
            if self.tokens[at].line > line and [t.text for t in self.tokens[at + 1 : at + 4]] == ["(", "X", ")"]:
                return self.tokens[at].text
        return None


def keep_texts(match):
    return match[0] if match[0][0] in "\"'" else blank(match)


def declared_name(tokens):
    """Of a function: the name before its parameters."""
    for before, token in zip(tokens, tokens[1:]):
        if token.text == "(" and NAME.fullmatch(before.text) and before.text not in KEYWORDS:
            return before
    return None


def typedef_name(texts):
    """`typedef struct a b`, `typedef void name(…)` or `typedef void (*name)(…)`."""
    for at, text in enumerate(texts):
        if text == "(":
            return texts[at + 2] if texts[at + 1] == "*" else texts[at - 1]
    return texts[-1]


def note_uses(tokens, names, tags):
    variables = {tokens[at].text for at in range(1, len(tokens)) if is_variable(tokens, at)}
    for at, token in enumerate(tokens):
        if not NAME.fullmatch(token.text) or token.text in KEYWORDS or token.text == "main":
            continue
        before, after = text_at(tokens, at - 1), text_at(tokens, at + 1)
        if before in TAGS:
            if after != ";" or not is_forward(tokens, at):
                tags.setdefault(token.text, token.line)
        elif before not in (".", "->") and (after == "(" or token.text not in variables):
            names.setdefault(token.text, token.line)


def text_at(tokens, at):
    return tokens[at].text if 0 <= at < len(tokens) else ""


def is_variable(tokens, at):
    """Whether a variable, parameter or member is declared there, which may have a function's name."""
    if tokens[at].text.isupper() or text_at(tokens, at + 1) not in (",", ";", "=", ")", "[", ":"):
        return False
    while text_at(tokens, at - 1) in ("*", "const"):
        at -= 1
    before = text_at(tokens, at - 1)
    return bool(NAME.fullmatch(before)) and (before in TYPES or before not in KEYWORDS)


def is_forward(tokens, at):
    """Whether the tag at `at` stands in `struct x;`."""
    return at == 1 or tokens[at - 2].text in ";}"


def read_tree(root, folders):
    """The sources below these folders, by path."""
    found = {}
    for folder in folders:
        for path in sorted(pathlib.Path(root, folder).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            found[name] = Source(name, path.read_text())
    return found
