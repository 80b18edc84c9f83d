"""Drawing charts as SVG, and the script that draws them again in a browser.

Belongs here: all use of the package vl-convert-python, an optional extra. Does not: the charts
(chart.py), the page (page.py).
"""

from importlib.util import find_spec
from typing import Any

from meeting_etl.errors import SettingsError
from meeting_etl.report.chart import Spec

_VERSION = "6.4"
_MISSING = "Reports need the package vl-convert-python: pip install 'meeting_etl[report]'."


def can_draw() -> bool:
    """Whether the extra `report` is installed."""
    return find_spec("vl_convert") is not None


def svg(spec: Spec) -> str:
    """The chart as an SVG element. Raises SettingsError without the extra."""
    drawn: str = _library().vegalite_to_svg(spec, vl_version=_VERSION, allowed_base_urls=[])
    return drawn


def script() -> str:
    """JavaScript that defines vegaEmbed(), without any import. Raises SettingsError."""
    bundled: str = _library().javascript_bundle(vl_version=_VERSION)
    # It is put into an element that this would end.
    return bundled.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _library() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise SettingsError(_MISSING) from None
    return vl_convert
