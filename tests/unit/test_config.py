"""Settings are read once, and a wrong one is named with what would be right."""

import pickle
from pathlib import Path

import pytest

from floorbroker import config
from floorbroker.domain.errors import ConfigError

NO_FILE = Path("no-such.env")


def load(**values: str) -> config.Settings:
    return config.load(values, NO_FILE)


def test_without_keys_the_desk_is_embedded(tmp_path: Path) -> None:
    settings = load(FLOORBROKER_HOME=str(tmp_path))
    assert settings.mode == "embedded"
    assert settings.journal_path == tmp_path / "desk.sqlite"


def test_keys_choose_paper_and_either_spelling_is_read() -> None:
    ours = load(APCA_API_KEY_ID="PK1", APCA_API_SECRET_KEY="shh")
    theirs = load(ALPACA_API_KEY="PK1", ALPACA_SECRET_KEY="shh")
    for settings in (ours, theirs):
        assert settings.mode == "paper"
        assert settings.key_id is not None
        assert settings.key_id.reveal() == "PK1"
        assert settings.base_url == config.PAPER_URL
        assert settings.stream_url == "wss://paper-api.alpaca.markets/stream"


def test_half_a_key_pair_is_refused_by_the_name_of_the_missing_half() -> None:
    with pytest.raises(ConfigError, match="APCA_API_SECRET_KEY: is missing"):
        load(APCA_API_KEY_ID="PK1")
    with pytest.raises(ConfigError, match="APCA_API_KEY_ID: is missing"):
        load(APCA_API_SECRET_KEY="shh")


def test_an_unknown_setting_names_its_nearest_neighbour() -> None:
    with pytest.raises(ConfigError, match=r"FLOORBROKER_HOEM.*did you mean FLOORBROKER_HOME"):
        load(FLOORBROKER_HOEM="/tmp")


def test_foreign_settings_are_left_alone() -> None:
    assert load(PATH="/bin", APCA_RETRY_MAX="3", APCA_API_VERSION="v2").mode == "embedded"


def test_live_trading_is_refused_because_it_has_to_be_armed() -> None:
    with pytest.raises(ConfigError, match="armed"):
        load(ALPACA_PAPER="false", APCA_API_KEY_ID="AK", APCA_API_SECRET_KEY="shh")


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("ALPACA_PAPER", "maybe", "neither true nor false"),
        ("FLOORBROKER_JOURNAL", "mysql://x", "must be sqlite:///PATH"),
        ("FLOORBROKER_JOURNAL", "postgresql://x/y", "not offered yet"),
        ("FLOORBROKER_SEED", "seven", "whole number"),
        ("FLOORBROKER_CASH", "-5", "whole number"),
        ("FLOORBROKER_TAPE", "/no/such/tape", "does not exist"),
        ("FLOORBROKER_REDIS", "redis://x", "not offered yet"),
        ("APCA_API_BASE_URL", "paper-api.alpaca.markets", "must start with http"),
        ("APCA_API_BASE_URL", "http://broker.example", "in the clear"),
        ("APCA_API_STREAM_URL", "https://x", "must start with ws"),
        ("APCA_API_STREAM_URL", "ws://broker.example/stream", "in the clear"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(key: str, value: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint) as caught:
        load(**{key: value})
    assert str(caught.value).startswith(f"{key}: ")


def test_a_loopback_exchange_may_be_spoken_to_in_the_clear() -> None:
    settings = load(APCA_API_BASE_URL="http://127.0.0.1:8899")
    assert settings.stream_url == "ws://127.0.0.1:8899/stream"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("FLOORBROKER_SEED=3\nFLOORBROKER_CASH=5000\n")
    settings = config.load({"FLOORBROKER_SEED": "9"}, file)
    assert settings.seed == 9
    assert settings.cash == "5000"


def test_secrets_never_print_and_are_never_written() -> None:
    settings = load(APCA_API_KEY_ID="PKVISIBLE", APCA_API_SECRET_KEY="hush-hush")
    shown = f"{settings} {settings!r} {settings.key_id} {settings.secret_key!r}"
    assert "PKVISIBLE" not in shown
    assert "hush" not in shown
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(settings.secret_key)


def test_the_data_streams_are_those_of_the_data_api() -> None:
    assert load().data_stream_url == "wss://stream.data.alpaca.markets"
    sandbox = load(APCA_API_DATA_URL="https://data.sandbox.alpaca.markets/v2")
    assert sandbox.data_stream_url == "wss://stream.data.sandbox.alpaca.markets"
    served = load(APCA_API_DATA_URL="http://127.0.0.1:8899")
    assert served.data_stream_url == "ws://127.0.0.1:8899"
    said = load(APCA_DATA_STREAM_URL="wss://elsewhere.test/", FLOORBROKER_DATA_FEED="SIP")
    assert (said.data_stream_url, said.data_feed) == ("wss://elsewhere.test", "sip")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("APCA_DATA_STREAM_URL", "https://x.test", "must start with ws:// or wss://"),
        ("APCA_DATA_STREAM_URL", "ws://x.test", "would send keys in the clear"),
        ("FLOORBROKER_DATA_FEED", "otc", "not one of iex, sip, test, off"),
        ("FLOORBROKER_DATA_FALLBACK", "sip", "not one of iex"),
        ("FLOORBROKER_DATA_SYMBOLS", "many", "no whole number"),
        ("APCA_DATA_STREAM", "x", "did you mean APCA_DATA_STREAM_URL"),
    ],
)
def test_a_wrong_data_setting_is_named(key: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}.*{said}"):
        load(**{key: value})


def test_a_local_exchange_is_asked_for_market_data_too() -> None:
    local = load(
        APCA_API_KEY_ID="K", APCA_API_SECRET_KEY="S", APCA_API_BASE_URL="http://127.0.0.1:8899"
    )
    assert local.data_url == "http://127.0.0.1:8899"
    assert local.data_stream_url == "ws://127.0.0.1:8899"
    theirs = load(APCA_API_KEY_ID="K", APCA_API_SECRET_KEY="S")
    assert theirs.data_url == config.DATA_URL
