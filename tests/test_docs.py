"""What people can type, set or read is documented, and what is generated is not stale."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App
from msgspec import structs

from floorbroker import config
from floorbroker.cli.root import app
from floorbroker.config import SETTINGS
from floorbroker.domain.messages import ExecType
from floorbroker.domain.order import OrdStatus
from floorbroker.exchange.front.switches import TABLES

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEXT = "\n".join(path.read_text("utf-8") for path in PAGES)
TEMPLATE = (REPOSITORY / ".env.template").read_text("utf-8")
EXCHANGE = REPOSITORY / "src" / "floorbroker" / "exchange"


def commands(parent: App, words: tuple[str, ...]) -> Iterator[str]:
    """Every command and its subcommands, as they are typed."""
    for name in parent:
        if name.startswith("-"):
            continue
        yield " ".join((*words, name))
        yield from commands(parent[name], (*words, name))


def controls() -> set[str]:
    """The exchange's own paths, as its front writes them."""
    source = "\n".join(path.read_text("utf-8") for path in EXCHANGE.rglob("*.py"))
    return set(re.findall(r'"(/_exchange/\w+)"', source))


def is_told(words: str) -> bool:
    """Whether a page has these words, not only as the beginning of longer ones."""
    return re.search(rf"{re.escape(words)}(?![\w-])", TEXT) is not None


COMMANDS = list(commands(app, ("floorbroker",)))


def test_commands_and_controls_are_found() -> None:
    assert "/_exchange/orders" in controls()
    assert "floorbroker demo" in COMMANDS
    assert "floorbroker order submit" in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_is_documented(command: str) -> None:
    assert is_told(command), f"write about `{command}`"


@pytest.mark.parametrize("control", sorted(controls()))
def test_the_control_of_the_exchange_is_documented(control: str) -> None:
    assert is_told(control), f"write about {control}"


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_setting_is_documented(setting: str) -> None:
    assert is_told(f"`{setting}"), f"write about {setting}: {SETTINGS[setting]}"


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_setting_is_in_the_template_with_its_meaning(setting: str) -> None:
    found = re.search(rf"((?:^# .+\n)+)^#?{setting}=", TEMPLATE, re.MULTILINE)
    assert found, f".env.template: add {setting} under a comment that says: {SETTINGS[setting]}"


def test_the_template_has_no_setting_that_does_not_exist() -> None:
    written = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", TEMPLATE, re.MULTILINE)
    assert set(written) == set(SETTINGS)
    assert len(written) == len(set(written))


def test_the_template_sets_nothing_until_somebody_says_so() -> None:
    lines = [line for line in TEMPLATE.splitlines() if line and not line.startswith("#")]
    assert lines == []


def test_the_values_of_the_template_are_taken_as_they_stand(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(re.sub(r"^#(?=[A-Z])", "", TEMPLATE, flags=re.MULTILINE), "utf-8")
    settings = config.load({}, env_file)
    assert settings.mode == "embedded"
    assert settings.seed == 7


@pytest.mark.parametrize("word", [*ExecType, *OrdStatus])
def test_the_word_of_an_execution_report_is_documented(word: str) -> None:
    assert is_told(f"`{word}`"), f"write about {word}"


@pytest.mark.parametrize("table", TABLES)
def test_every_switch_stands_in_its_table_with_its_default(table: str) -> None:
    rules = TABLES[table]
    page = (REPOSITORY / "docs" / "exchange.md").read_text("utf-8")
    section = page.partition(f"### {rules.__name__}\n")[2].partition("\n## ")[0]
    section = section.partition("\n### ")[0]
    assert f"`[{table}]`" in section
    defaults = structs.asdict(rules()).items()
    expected = [(name, shown(value)) for name, value in defaults]
    assert sorted(re.findall(r"^\| `(\w+)` \| `?([\w.]+)`? \|", section, re.M)) == sorted(expected)


def shown(value: object) -> str:
    if value is None:
        return "any"
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_page_of_order_states_is_drawn_from_the_table() -> None:
    script = runpy.run_path(str(REPOSITORY / "docs" / "order_states.py"))
    written = (REPOSITORY / "docs" / "order-states.md").read_text("utf-8")
    assert written == script["page"](), "the table changed; run: python docs/order_states.py"


def test_the_page_of_controls_is_drawn_from_the_code() -> None:
    script = runpy.run_path(str(REPOSITORY / "docs" / "controls.py"))
    written = (REPOSITORY / "docs" / "controls.md").read_text("utf-8")
    assert written == script["page"](), "the controls changed; run: python docs/controls.py"


def test_the_page_of_recovery_is_drawn_from_the_tests() -> None:
    script = runpy.run_path(str(REPOSITORY / "docs" / "recovery.py"))
    written = (REPOSITORY / "docs" / "recovery.md").read_text("utf-8")
    assert written == script["page"](), "the tests changed; run: python docs/recovery.py"
    found = script["proofs"]()
    assert script["lacking"](found) == [], "no test says that it shows these"
    assert set(found) <= script["NAMES"], "names that no table has"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_to_our_own_files_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
