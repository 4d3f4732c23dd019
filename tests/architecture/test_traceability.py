"""The tables in docs/standards: every row names a module and a test that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "standards").glob("*.md"))
SERVED = ("derms/cim", "groups/cim", "forecasting/cim", "dispatch/cim", "derms/devices/cim")


def rows(page):
    """Yield (line number, cells) of every table row whose table has a Module and a Test column."""
    columns = None
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if columns is None:
            columns = cells
        elif "Module" in columns and not set(line) <= set("|- "):
            yield number, dict(zip(columns, cells, strict=True))


ALL_ROWS = [(page.name, number, row) for page in PAGES for number, row in rows(page)]


def test_there_are_rows():
    assert len(ALL_ROWS) > 40


@pytest.mark.parametrize(("page", "number", "row"), ALL_ROWS)
def test_row_names_a_module_and_a_test(page, number, row):
    file, _, function = row["Test"].partition("::")

    assert (ROOT / row["Module"]).is_file()
    assert re.search(rf"^def {re.escape(function)}\(", (ROOT / file).read_text(), re.MULTILINE)


def sections(page):
    return set(re.findall(r"^## (\d+)\.", page.read_text(), re.MULTILINE))


def validation_rows(page):
    return {row["Row"] for _, row in rows(page) if "Row" in row}


@pytest.mark.parametrize(
    "module", sorted(p for room in SERVED for p in (ROOT / room).rglob("*.py"))
)
def test_source_lines_name_sections_and_rows_that_exist(module):
    text = " ".join(module.read_text().split())
    for found in re.finditer(
        r"sections? ([\d.]+)((?: \([^)]*\))?(?:(?:,| and) (?:section )?[\d.]+)*)"
        r"( rows? ([\d, and-]+))? of docs/standards/(61968-[59])\.md",
        text,
    ):
        page = ROOT / "docs" / "standards" / f"{found[5]}.md"
        named = {found[1], *re.findall(r"\d+", found[2])}
        assert {n.split(".")[0] for n in named} <= sections(page), found[0]
        for row in re.findall(r"\d+", found[4] or ""):
            assert row in validation_rows(page), found[0]


def test_every_noun_module_gives_its_source():
    for module in (ROOT / room for room in SERVED[1:]):
        for file in module.glob("der_*.py"):
            assert "Source: IEC 61968-5" in file.read_text(), file
