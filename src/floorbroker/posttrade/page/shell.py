"""What every page of ours is made of: one file, no request, a policy that forbids any."""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from string import Template

import msgspec

from floorbroker.posttrade.charts import Chart, chart_specs
from floorbroker.posttrade.page.tables import escaped
from floorbroker.posttrade.wording import DEFAULT_VIEW, View

_JSON = msgspec.json.Encoder(decimal_format="number")

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en"$root_class>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; \
style-src 'unsafe-inline'; script-src $script_hashes">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<main>
$body
</main>
<script type="application/json" id="charts">$charts</script>
$scripts
</body>
</html>
""")


def page(body: str, title: str, charts: Sequence[Chart], view: View = DEFAULT_VIEW) -> str:
    """The whole file as text."""
    scripts = [_plotly(), _asset("report.js")] if charts else []
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    specs = _JSON.encode(chart_specs(charts)).decode()
    return _PAGE.substitute(
        root_class=' class="rising-is-red"' if view.rising_is_red else "",
        script_hashes=hashes,
        title=escaped(title),
        style=_asset("report.css"),
        body=body,
        # Inside a script only "<" could end it.
        charts=specs.replace("<", "\\u003c"),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _asset(name: str) -> str:
    folder = resources.files("floorbroker.posttrade.page")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    # Imported here because it takes a tenth of a second and only this page wants it.
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def figure(name: str, value: str, detail: str, classes: str = "") -> str:
    return (
        f'<div><dt>{escaped(name)}</dt><dd class="big {classes}">{escaped(value)}</dd>'
        f'<dd class="small">{escaped(detail)}</dd></div>\n'
    )


def chart_figure(chart: Chart, classes: str = "chart") -> str:
    return (
        f'<figure class="chart-box"><figcaption><h3>{escaped(chart.title)}</h3>'
        f'<p class="note">{escaped(chart.note)}</p></figcaption>'
        f'<div class="{classes}" role="img" aria-label="{escaped(chart.title)}" '
        f'data-chart="{escaped(chart.name)}"></div></figure>'
    )


def section(name: str, gist: str, inside: str, *, is_open: bool = False) -> str:
    return (
        f"<section><details{' open' if is_open else ''}><summary><h2>{escaped(name)}</h2>"
        f'<span class="gist">{escaped(gist)}</span></summary>\n'
        f'<div class="inside">{inside}</div></details></section>'
    )
