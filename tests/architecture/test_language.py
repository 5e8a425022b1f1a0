"""The language checker: each rule finds what it should and nothing else, and the repository keeps to the rules."""

import tomllib
from collections import Counter
from pathlib import PurePath

import pytest

from playtime.tools.language import __main__ as command
from playtime.tools.language.__main__ import sources
from playtime.tools.language.rules import check, sentences, word_count
from playtime.tools.language.texts import Text, read
from playtime.tools.language.words import Word, word_list

from support.tree import ROOT

WORDS = word_list().words
LONG = " ".join(["word"] * 26)


def rules_of(path: str, source: str) -> list[str]:
    return [finding.rule for finding in check({path: source})]


def test_repository_keeps_to_the_language_rules() -> None:
    findings = check(sources())
    assert not findings, "\n".join(map(str, findings))


def test_checked_files_include_code_docs_and_scripts() -> None:
    assert {"bootstrap.py", "README.md", "Makefile", ".ci/run", "pyproject.toml"} <= sources().keys()
    assert not any(path.startswith(".venv") for path in sources())


class TestWords:
    @pytest.mark.parametrize("word", WORDS, ids=lambda word: word.forms[0])
    def test_examples_are_found(self, word: Word) -> None:
        for example in word.wrong:
            assert word.pattern.search(example), example

    @pytest.mark.parametrize("word", WORDS, ids=lambda word: word.forms[0])
    def test_right_uses_are_not_found(self, word: Word) -> None:
        for example in word.right:
            assert not word.pattern.search(example), example

    def test_pattern_has_examples_of_both_kinds(self) -> None:
        entries = tomllib.loads((ROOT / "tools/language/words.toml").read_text(encoding="utf-8"))["word"]
        with_pattern = [entry for entry in entries if "find" in entry]
        assert [entry["not"] for entry in with_pattern if not {"wrong", "right"} <= entry.keys()] == []

    def test_no_form_is_listed_twice(self) -> None:
        forms = [form for word in WORDS for form in word.forms] + list(word_list().unchecked)
        assert [form for form, times in Counter(forms).items() if times > 1] == []

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            ("domain/a.py", '"""A player was told."""\n'),
            ("domain/a.py", "x = 1  # was told\n"),
            ("domain/a.py", 'x = "a player was told"\n'),
            ("domain/a.py", 'x = f"player {1} was told"\n'),
            ("docs/a.md", "A player was told.\n"),
            ("docs/a.md", "| a player was told |\n"),
            ("a.sql", "-- a player was told\n"),
            ("Makefile", "run: ## was told\n"),
            ("pyproject.toml", "x = 1 # was told\n"),
        ],
    )
    def test_prose_of_every_kind_is_checked(self, path: str, source: str) -> None:
        assert rules_of(path, source) == ["word"]

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            ("domain/a.py", '"""Call `told` first."""\n'),
            ("domain/a.py", 'x = "told"\n'),
            ("domain/a.py", 'x = "select told from playtime.players"\n'),
            ("domain/a.py", "import told\n\ntold.run()\n"),
            ("docs/a.md", "```\na player was told\n```\n"),
            ("docs/a.md", "    a player was told\n"),
            ("docs/a.md", "See [the page](told.md) or `told`.\n"),
            ("domain/a.py", '"""Timezones and SQL: `timestamp with time zone`, the newest break-even spin."""\n'),
        ],
    )
    def test_code_and_addresses_are_not_prose(self, path: str, source: str) -> None:
        assert rules_of(path, source) == []

    def test_words_over_a_line_end_are_found_at_their_first_line(self) -> None:
        (found,) = check({"domain/a.py": '"""Reads.\n\nA balance held\nagainst its entries.\n"""\n'})
        assert (found.line, found.rule) == (3, "word")

    def test_finding_says_where_what_and_what_instead(self) -> None:
        (found,) = check({"domain/a.py": "\n# nobody was told\n"})
        assert str(found).startswith('domain/a.py:2: word: "told" in "nobody was told"; say: notice')


class TestNames:
    @pytest.mark.parametrize(
        ("path", "source"),
        [
            ("domain/kept.py", ""),
            ("domain/a.py", "kept_rows = 1\n"),
            ("domain/a.py", "class KeptRow:\n    pass\n"),
            ("domain/a.py", "def unfold() -> None: ...\n"),
            ("domain/a.py", "def run(seat: int) -> None: ...\n"),
            ("domain/a.py", "self.zone = 1\n"),
            ("tests/a.py", "def test_report_is_held_against_ledger() -> None: ...\n"),
            ("a.sql", "create table playtime.fold_marks ();\n"),
        ],
    )
    def test_defined_names_are_checked(self, path: str, source: str) -> None:
        assert set(rules_of(path, source)) == {"name"}

    def test_wire_name_is_exempt_in_its_files_only(self) -> None:
        (path, name), *_ = word_list().wire_names
        assert rules_of(path, f"class A:\n    {name}: int = 1\n") == []
        assert rules_of(path, f"{name}_rows = 1\n") == ["name"]
        assert rules_of("domain/a.py", f"{name} = 1\n") == ["name"]

    @pytest.mark.parametrize(("path", "name"), word_list().wire_names)
    def test_exempt_wire_name_exists_and_has_a_reason(self, path: str, name: str) -> None:
        (_, defined) = read(PurePath(path), (ROOT / path).read_text(encoding="utf-8"))
        assert name in {one.name for one in defined}
        assert word_list().wire_names[path, name]

    def test_used_names_are_not_checked(self) -> None:
        assert rules_of("domain/a.py", "x = record.kept + zone_of(marks)\n") == []

    def test_name_is_split_into_words(self) -> None:
        assert rules_of("domain/a.py", "casefold = unkept = ZoneInfo = 1\n") == ["name"]  # ZoneInfo alone

    def test_test_names_have_at_most_60_characters(self) -> None:
        name = "test_" + "a" * 55
        assert rules_of("tests/a.py", f"def {name}() -> None: ...\n") == []
        assert rules_of("tests/a.py", f"class TestA:\n    def {name}a() -> None: ...\n") == ["test-name"]


class TestOpenings:
    @pytest.mark.parametrize(
        "opening", ["What is due", "Which of them", "Of accounts", "Return what is", "Say how"]
    )
    def test_riddles_and_inversions_are_found(self, opening: str) -> None:
        for source in (f'"""{opening} done."""\n', f'def run():\n    """{opening} done."""\n'):
            assert rules_of("domain/a.py", source) == ["opening"]

    @pytest.mark.parametrize("opening", ["The events", "A voucher", "Nothing"])
    def test_function_docstring_starts_with_a_verb(self, opening: str) -> None:
        assert rules_of("domain/a.py", f'def run():\n    """{opening}."""\n') == ["opening"]
        assert rules_of("domain/a.py", f'class A:\n    """{opening}."""\n') == []

    @pytest.mark.parametrize("decorator", ["property", "functools.cached_property", "pytest.fixture()"])
    def test_property_and_fixture_start_with_a_noun(self, decorator: str) -> None:
        assert rules_of("domain/a.py", f'@{decorator}\ndef day():\n    """The day."""\n') == []

    def test_whether_opens_only_a_property_or_an_attribute(self) -> None:
        assert (
            rules_of("domain/a.py", 'class A:\n    """A."""\n\n    is_open = 1\n    """Whether it is open."""\n')
            == []
        )
        assert rules_of("domain/a.py", 'def is_open():\n    """Whether it is open."""\n') == ["opening"]
        assert rules_of("domain/a.py", 'def is_open():\n    """Return whether it is open."""\n') == []

    def test_no_sentence_starts_with_of(self) -> None:
        assert rules_of("docs/a.md", "Two rules. Of these, one holds.\n") == ["opening"]
        assert rules_of("docs/a.md", "Two rules. Of course, both hold.\n") == []


class TestSentences:
    @pytest.mark.parametrize(
        ("path", "source", "rule"),
        [
            ("domain/a.py", f'"""A {LONG}."""\n', "sentence"),
            ("domain/a.py", f'class A:\n    """A. B {LONG}."""\n', "sentence"),
            ("docs/a.md", f"- A {LONG}.\n", "sentence"),
            ("docs/a.md", f"| a | {LONG} |\n", "cell"),
        ],
    )
    def test_long_ones_are_found(self, path: str, source: str, rule: str) -> None:
        assert rules_of(path, source) == [rule]

    def test_limit_is_25_words(self) -> None:
        assert rules_of("domain/a.py", f'"""{" ".join(["Word"] * 25)}. {" ".join(["Word"] * 25)}."""\n') == []

    def test_comment_and_message_may_be_long(self) -> None:
        assert rules_of("domain/a.py", f'# {LONG}\nx = "{LONG}"\n') == []

    def test_code_block_is_no_sentence(self) -> None:
        assert rules_of("docs/a.md", f"Run:\n\n    {LONG}\n\n```\n{LONG}\n```\n") == []

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("One. Two! Three?", ["One.", "Two!", "Three?"]),
            ("First, e.g. A and 1.5 B, then C.", ["First, e.g. A and 1.5 B, then C."]),
            ("It says:\n\n* one\n* two\n  goes on", ["It says:", "* one", "* two\n  goes on"]),
            ("**Bold.** Then *more.* End.", ["**Bold.**", "Then *more.*", "End."]),
            ("Read it. [docs/a.md] has more.", ["Read it.", "[docs/a.md] has more."]),
            ('It says "no." (See below.) Then stops.', ['It says "no."', "(See below.)", "Then stops."]),
        ],
    )
    def test_sentences_end_at_stops_paragraphs_and_items(self, words: str, expected: list[str]) -> None:
        assert [sentence for _, sentence in sentences(Text(1, words, "module"))] == expected

    def test_line_of_a_sentence_is_where_it_starts(self) -> None:
        assert [line for line, _ in sentences(Text(3, "One.\nTwo\nthree. Four.\n\nFive.", "module"))] == [
            3,
            4,
            5,
            7,
        ]

    def test_word_is_what_has_a_letter_or_digit(self) -> None:
        assert word_count("A well-known rule - 3 > 2 (really)") == 6

    def test_only_the_sign_of_a_list_item_is_left_out(self) -> None:
        (texts, _) = read(PurePath("a.md"), "- It is 3.5. So - we - know 7. Yes.\n  1. no\n")
        assert [text.words for text in texts] == ["It is 3.5. So - we - know 7. Yes.", "no"]

    def test_code_counts_as_one_word(self) -> None:
        ((text,), _) = read(PurePath("a.md"), "Run `make test PYTEST_ARGS=x` now.\n")
        assert word_count(text.words) == 3


class TestClassNames:
    @pytest.mark.parametrize(
        "paths", [("domain/a.py", "application/b.py"), ("adapters/x/a.py", "adapters/y/a.py")]
    )
    def test_two_classes_do_not_share_a_name(self, paths: tuple[str, str]) -> None:
        found = check(dict.fromkeys(paths, "class Round:\n    pass\n"))
        assert {finding.rule for finding in found} == {"class-name"}
        assert {finding.path for finding in found} == set(paths)

    def test_port_and_its_adapters_may_share_a_name(self) -> None:
        port, adapter = "class Database(Protocol):\n    pass\n", "class Database:\n    pass\n"
        assert check({"application/a.py": port, "adapters/x/a.py": adapter, "adapters/y/a.py": adapter}) == []
        assert check({"application/a.py": port, "adapters/x/a.py": adapter, "adapters/x/b.py": adapter}) != []
        assert check({"application/a.py": port, "application/b.py": adapter}) != []
        assert check({"application/a.py": port, "adapters/x/a.py": port}) != []

    @pytest.mark.parametrize("path", ["tests/b.py", "examples/b.py", "tools/b.py"])
    def test_only_classes_of_the_product_count(self, path: str) -> None:
        assert check(dict.fromkeys(("domain/a.py", path), "class Round:\n    pass\n")) == []

    def test_private_and_inner_classes_and_test_groups_may_repeat(self) -> None:
        source = "class _Round:\n    class Error:\n        pass\n\n\nclass TestRound:\n    pass\n"
        assert check(dict.fromkeys(("contracts/a.py", "contracts/b.py"), source)) == []


@pytest.fixture
def one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with a single file, which has two findings."""
    monkeypatch.setattr(command, "sources", lambda: {"domain/a.py": "# was told\n# was kept\n"})


@pytest.mark.usefixtures("one_file")
@pytest.mark.parametrize(
    ("paths", "status", "lines"),
    [([], 1, 2), (["domain"], 1, 2), (["application"], 0, 0)],
)
def test_command_prints_the_findings_below_the_paths(
    paths: list[str], status: int, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(paths) == status
    assert len(capsys.readouterr().out.splitlines()) == lines
