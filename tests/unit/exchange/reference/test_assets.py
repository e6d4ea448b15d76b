"""The listing."""

from uuid import UUID

from floorbroker.exchange.reference.assets import LISTED, asset_for, asset_id, listing


def test_the_default_list_holds_what_is_promised() -> None:
    assets = listing()
    promised = [
        "AAPL",
        "MSFT",
        "SPY",
        "QQQ",
        "NVDA",
        "AMD",
        "INTC",
        "AMZN",
        "F",
        "BTC/USD",
        "IBM",
        "BAC",
        "GOOG",
    ]
    assert set(promised) <= set(assets)
    assert any(not asset.fractionable for asset in LISTED)
    assert any(not asset.shortable for asset in LISTED)
    assert any(not asset.tradable for asset in LISTED)
    assert any(asset.status == "inactive" for asset in LISTED)


def test_identifiers_are_the_same_every_time_and_all_different() -> None:
    assert asset_id("AAPL") == asset_for("AAPL").id == str(UUID(asset_id("AAPL")))
    assert len({asset.id for asset in LISTED}) == len(LISTED)


def test_any_symbol_of_a_tape_becomes_an_asset() -> None:
    assert listing(["ZZZQ"])["ZZZQ"].asset_class == "us_equity"
    assert asset_for("DOGE/USD").is_crypto
    assert asset_for("WHOLE") is listing()["WHOLE"]


def test_exchanges_are_those_that_the_official_client_knows() -> None:
    known = [
        "AMEX",
        "ARCA",
        "ASCX",
        "BATS",
        "NYSE",
        "NASDAQ",
        "NYSEARCA",
        "FTXU",
        "CBSE",
        "GNSS",
        "ERSX",
        "OTC",
        "CRYPTO",
    ]
    assert {asset.exchange for asset in LISTED} <= set(known)
