"""The page says what the report says, escapes everything and asks nobody for anything."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from floorbroker.domain.messages import Alarm, Break, BreakCause, OrderReject, Reconciliation
from floorbroker.domain.order import OrderRequest
from floorbroker.journal.port import Damage, Head, Verification
from floorbroker.posttrade.page import tables
from floorbroker.posttrade.report_html import render_report
from floorbroker.posttrade.trades import TradeReport, build_report
from floorbroker.posttrade.wording import View
from tests.unit.posttrade.sample_day import SampleDay
from tests.unit.posttrade.scribe import Scribe

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>"


@pytest.fixture(scope="module")
def day() -> SampleDay:
    return SampleDay()


@pytest.fixture(scope="module")
def page(day: SampleDay) -> str:
    verification = Verification(records=len(day.scribe.records), head=day.scribe.head)
    return render_report(day.report(), bars=day.bars, verification=verification)


def report_of(scribe: Scribe) -> TradeReport:
    return build_report(scribe.records, start=None, end=None, head=scribe.head)


def own_part(page: str) -> str:
    """The page without the chart library."""
    return re.sub(r"<script>.{1000000,}?</script>", "", page, flags=re.DOTALL)


class Tags(HTMLParser):
    """Collects every start tag with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_tag_is_closed_in_order(page: str) -> None:
    assert Tags(own_part(page)).open == []


def test_the_first_screen_has_mode_verdict_five_figures_and_one_chart(
    day: SampleDay, page: str
) -> None:
    first = page[: page.index("<section>")]
    assert 'class="badge embedded">EMBEDDED<' in first
    assert f"<h1>{day.report().verdict}</h1>" in first
    assert first.count("<dt>") == 5
    assert first.count('class="chart"') == 1


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    own = own_part(page)
    assert "http://" not in own
    assert "https://" not in own
    assert "@import" not in own
    assert "url(" not in own
    for tag, attributes in Tags(own).tags:
        assert "src" not in attributes
        assert tag not in ("link", "iframe", "img", "object")
        assert (attributes.get("href") or "#").startswith("#")
    assert "fetch(" not in own
    assert "default-src 'none'" in own


def test_the_policy_allows_exactly_the_scripts_that_are_there(page: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    wanted = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts}
    allowed = re.search(r"script-src ([^\"]+)\"", page)
    assert allowed is not None
    assert set(re.findall(r"sha256-([^']+)'", allowed[1])) == wanted
    assert len(scripts) == 2
    assert "unsafe-inline" not in allowed[1]


def test_the_chart_library_is_embedded_once_and_the_file_stays_small(page: str) -> None:
    assert len(re.findall(r"plotly\.js v\d", page)) == 1
    assert len(page) < 6_000_000
    assert len(own_part(page)) < 600_000


def test_a_report_without_trades_needs_no_chart_library() -> None:
    page = render_report(report_of(Scribe()))
    assert len(page) < 30_000
    assert "script-src 'none'" in page
    assert "Nothing was ordered or traded, not reconciled" in page
    assert "Nothing was traded in this period." in page


def test_figures_are_exact_on_hover_and_rounded_to_read(day: SampleDay, page: str) -> None:
    total = day.report().totals.realized_pnl
    assert f'title="{total}">▲ +{total:,.2f}<' in page


def test_the_charts_hold_the_fills(day: SampleDay, page: str) -> None:
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page)
    assert found is not None
    specs = json.loads(found[1])
    report = day.report()
    names = {"profit"} | {f"symbol-{row.account}-{row.symbol}" for row in report.symbols}
    assert set(specs) == names
    drawn = sum(
        len(trace["x"])
        for name, spec in specs.items()
        if name != "profit"
        for trace in spec["data"]
        if trace["mode"] == "markers"
    )
    assert drawn == report.totals.fills
    assert set(re.findall(r'data-chart="([^"]+)"', page)) == names


def test_hostile_text_stays_text() -> None:
    scribe = Scribe()
    scribe.open(mode=HOSTILE)
    cl_ord_id = scribe.trade("buy", "10", HOSTILE, "10.00")
    lost = scribe.intend(OrderRequest.market("buy", 1, "AAPL"))
    scribe.send(lost)
    scribe.write(OrderReject(transact_time=scribe.now, cl_ord_id=lost, text=HOSTILE))
    scribe.write(Alarm(transact_time=scribe.now, name=HOSTILE, text=HOSTILE, cl_ord_id=cl_ord_id))
    found = Break(
        cause=BreakCause.UNKNOWN,
        subject=HOSTILE,
        ours=HOSTILE,
        theirs=HOSTILE,
        evidence=HOSTILE,
        repair=HOSTILE,
        is_open=True,
    )
    scribe.write(
        Reconciliation(
            transact_time=scribe.now,
            account=scribe.account,
            orders_compared=1,
            positions_compared=1,
            breaks=(found,),
        )
    )
    own = own_part(render_report(report_of(scribe)))
    tags = Tags(own)
    assert "<img" not in own
    assert tags.open == []
    assert [tag for tag, _ in tags.tags].count("script") == 2  # the charts' data and our own
    assert not any(name.startswith("on") for _, attributes in tags.tags for name in attributes)
    assert HOSTILE in tags.text


def test_open_trouble_leads_the_page_and_unfolds() -> None:
    scribe = Scribe()
    scribe.open()
    scribe.wait(5)
    scribe.open()  # a crash, and no reconciliation since
    scribe.trade("buy", "1", "AAPL", "10.00")
    page = own_part(render_report(report_of(scribe)))
    attention = page[page.index('<ul class="attention wanted">') : page.index("<dl")]
    assert "was not compared with the broker" in attention
    assert "crashed and has not reconciled" in attention
    assert "<details open><summary><h2>What broke" in page


def test_a_quiet_day_says_that_nothing_needs_a_decision() -> None:
    assert "Nothing needs a decision." in render_report(report_of(Scribe()))


def test_verification_is_told_with_the_head(day: SampleDay, page: str) -> None:
    head = day.scribe.head.hash.hex()
    assert f'id="head-hash">{head}<' in page
    assert f"The whole chain verifies: {len(day.scribe.records):,} records" in page
    damaged = Verification(
        records=9, head=Head(9, b"\x01"), damage=Damage(seq=9, reason="hash differs")
    )
    told = own_part(render_report(day.report(), verification=damaged))
    assert "does not verify from record 9 on (hash differs)" in told
    assert "was not verified" in render_report(day.report())


def test_busted_fills_are_shown_apart(page: str) -> None:
    busted = page[page.index("<h3>Busted</h3>") :]
    assert "99.99" in busted[: busted.index("</section>")]


def test_colours_follow_the_reader(day: SampleDay) -> None:
    page = render_report(day.report(), view=View(rising_is_red=True, utc=True))
    assert '<html lang="en" class="rising-is-red">' in page
    assert "2026-03-12 13:30:00 to 2026-03-12 20:00:00, UTC" in page


def test_a_long_table_is_cut_with_a_word_about_it() -> None:
    columns = [tables.Column("N", "n")]
    rows = [[tables.Cell(str(place))] for place in range(tables.ROWS_MAX + 1)]
    made = tables.table(columns, rows)
    assert made.count("<tr>") == tables.ROWS_MAX + 1  # with the head
    assert "The first 2,000 of 2,001" in made


def test_an_order_that_the_broker_reports_otherwise_calls_for_attention(day: SampleDay) -> None:
    report = day.report()
    odd = replace(report.orders[0], reported_qty=report.orders[0].cum_qty * 2)
    page = own_part(render_report(replace(report, orders=(odd, *report.orders[1:]))))
    assert "1 order where the broker reports another quantity" in page
    assert "the broker reports 1,000 filled" in page
