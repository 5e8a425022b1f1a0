"""Prose and names of a source file: docstrings, comments, messages, Markdown, and the names that it defines."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import PurePath

# SQL, or a fragment of it. A text that is skipped by mistake is only not checked, so the pattern is broad.
SQL = re.compile(
    r"\b(?:select|insert into|update \w+ set|union all|group by|order by|coalesce|returning|row_number|is null"
    r"|create (?:table|index|role|policy|function)|alter (?:table|default|role)|drop (?:table|index)|grant|revoke"
    r"|is not null|(?:inner|left|cross) join|join \w+|using \(|(?:and|from|where) \w+\.\w+|where \w+ [=<>]"
    r"|case when|filter \(where|count\(\*\)|group_?concat|concat_ws)\b"
    r"|::\w|\$\d|%\(\w+\)s|%s"
)
PRAGMA = re.compile(r"#+\s*(?:noqa|type:|ruff:|!)|#!")
SQL_COMMENT = re.compile(r"--\s(.*)")
HASH_COMMENT = re.compile(r"(?:^|\s)##?\s(.*)")
LIST_ITEM = re.compile(r"^(?:[-*•]|\d+\.)\s+")
CODE = re.compile(r"(?<!`)(`+)(?!`)[\s\S]+?(?<!`)\1(?!`)")
ADDRESS = re.compile(r"(?<=\])\([^)\s]*\)|https?://\S+")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Text:
    """A paragraph of prose, or a whole docstring, and its first line.

    `kind` is `module`, `class`, `function`, `noun` (a property, a fixture, a test or an attribute), `comment`,
    `message`, `markdown` or `cell`; the first four are docstrings.
    """

    line: int
    words: str
    kind: str

    @property
    def is_docstring(self) -> bool:
        """Whether the text documents a module, a class, a function or an attribute."""
        return self.kind in {"module", "class", "function", "noun"}

    def line_of(self, offset: int) -> int:
        """Give the line of the file in which a position of the text lies."""
        return self.line + self.words.count("\n", 0, offset)


@dataclass(frozen=True)
class Name:
    """A name that a file defines. `kind` is `file`, `test`, `class`, `port` (a public protocol) or `other`."""

    line: int
    name: str
    kind: str


def read(path: PurePath, source: str) -> tuple[list[Text], list[Name]]:
    """Read all prose and all defined names of a file."""
    names = [Name(1, path.stem, "file")]
    if path.suffix == ".py":
        tree = ast.parse(source)
        texts = [*_docstrings(tree), *_messages(tree), *_comments(source)]
        names += _defined(tree)
    elif path.suffix == ".md":
        texts = list(_markdown(source))
    else:
        names += _sql_names(source) if path.suffix == ".sql" else ()
        texts = list(_line_comments(source, SQL_COMMENT if path.suffix == ".sql" else HASH_COMMENT))
    return [Text(text.line, _without_code(text.words), text.kind) for text in texts], names


def _without_code(words: str) -> str:
    """Replace code and addresses by a word each; line ends stay."""
    return ADDRESS.sub("", CODE.sub(lambda code: "Code" + "\n" * code.group().count("\n"), words))


# --- Python ---------------------------------------------------------------------------------------------------


def _docstrings(tree: ast.Module) -> Iterator[Text]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for place, statement in enumerate(body if isinstance(body, list) else []):
            match statement:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    lead = len(words) - len(words.lstrip())
                    line = statement.lineno + words.count("\n", 0, lead)
                    yield Text(line, cleandoc(words), _kind(node) if place == 0 else "noun")
                case _:
                    pass


def _kind(node: ast.AST) -> str:
    if isinstance(node, Function):
        decorators = {name for decorator in node.decorator_list for name in _names_in(decorator)}
        is_noun = node.name.startswith("test_") or decorators & {"property", "cached_property", "fixture"}
        return "noun" if is_noun else "function"
    return "class" if isinstance(node, ast.ClassDef) else "module"


def _names_in(node: ast.expr) -> set[str]:
    return {
        getattr(part, "attr", getattr(part, "id", "")) for part in ast.walk(node) if isinstance(part, ast.expr)
    }


def _messages(node: ast.AST) -> Iterator[Text]:
    """Yield string constants of two or more words; SQL and docstrings are left out."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Constant(value=str(words)):
                pass
            case ast.JoinedStr():
                words = "".join(_constant(part) for part in child.values)
            case _:
                yield from _messages(child)
                continue
        if re.search(r"[A-Za-z]{2}\S*\s+[A-Za-z]{2}", words) and not SQL.search(words.lower()):
            yield Text(child.lineno, words, "message")


def _constant(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "{}"


def _comments(source: str) -> Iterator[Text]:
    """Yield comments; comment lines that follow each other are one text."""
    first, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or PRAGMA.match(token.string):
            continue
        if lines and token.start[0] == first + len(lines):
            lines.append(token.string.lstrip("# "))
            continue
        if lines:
            yield Text(first, "\n".join(lines), "comment")
        first, lines = token.start[0], [token.string.lstrip("# ")]
    if lines:
        yield Text(first, "\n".join(lines), "comment")


def _defined(tree: ast.Module) -> Iterator[Name]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield Name(node.lineno, name, "test" if name.startswith("test_") else "other")
            case ast.ClassDef(name=name):
                yield Name(node.lineno, name, _class_kind(node) if node in tree.body else "other")
            case ast.arg(arg=name):
                yield Name(node.lineno, name, "other")
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield Name(node.lineno, name, "other")
            case _:
                pass


def _class_kind(node: ast.ClassDef) -> str:
    if node.name.startswith("_"):
        return "other"
    return "port" if any("Protocol" in _names_in(base) for base in node.bases) else "class"


# --- other files ----------------------------------------------------------------------------------------------


def _line_comments(source: str, comment: re.Pattern[str]) -> Iterator[Text]:
    """Yield comments, each line by itself."""
    for number, line in enumerate(source.splitlines(), start=1):
        if found := comment.search(line):
            yield Text(number, found[1], "comment")


def _sql_names(source: str) -> Iterator[Name]:
    """Yield each name of two or more words, at its first place."""
    seen = set[str]()
    for number, line in enumerate(source.splitlines(), start=1):
        for name in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", line.partition("-- ")[0]):
            if name not in seen:
                seen.add(name)
                yield Name(number, name, "other")


def _markdown(source: str) -> Iterator[Text]:
    """Yield headings, paragraphs, list items and table cells; blocks of code are left out."""
    first, lines, fenced, in_list = 0, list[str](), False, False
    for number, line in enumerate([*source.splitlines(), ""], start=1):
        bare = line.strip()
        is_fence = bare.startswith(("```", "~~~"))
        is_item, is_row = LIST_ITEM.match(bare), bare.startswith("|")
        is_code = not lines and not in_list and line.startswith("    ")
        if lines and (not bare or is_fence or is_item or is_row or bare.startswith("#")):
            yield Text(first, "\n".join(lines), "markdown")
            lines = []
        fenced ^= is_fence
        if fenced or is_fence or is_code or not bare:
            continue
        in_list = bool(is_item) or (in_list and line.startswith(" "))
        if is_row:
            yield from (Text(number, cell.strip(), "cell") for cell in _cells(bare))
        else:
            first = first if lines else number
            lines.append(LIST_ITEM.sub("", bare, count=1).lstrip("# ") if not lines else bare)


def _cells(row: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", row.strip("|"))
    return [cell for cell in cells if re.search(r"[A-Za-z]", cell)]
