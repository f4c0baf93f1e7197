"""XML that others wrote: parsed without entities or external parts, which can do harm."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import errors

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from foreshadow.errors import ConfigError

_SAID = {
    errors.codes[errors.XML_ERROR_NO_ELEMENTS]: "it ends too early; fetch the whole file",
    errors.codes[errors.XML_ERROR_UNCLOSED_TOKEN]: "it ends too early; fetch the whole file",
    errors.codes[errors.XML_ERROR_INVALID_TOKEN]: "a character that cannot be there",
}
"""What the parser says about common accidents, in plain words."""


def parse_xml(raw: bytes, *, path: Path) -> Element:
    """The root element.

    Raises:
        ConfigError: Not XML, with line and column; or XML that declares entities.
    """
    try:
        root: Element = fromstring(raw, forbid_dtd=False)
    except ParseError as error:
        line, column = error.position
        reason = _SAID.get(error.code, str(error).partition(":")[0])
        raise ConfigError(
            f"not valid XML: {reason}", path=path, line=line, column=column + 1
        ) from error
    except DefusedXmlException as error:
        raise ConfigError(
            "XML with entities of its own is not read; write their text out", path=path
        ) from error
    except (ValueError, LookupError) as error:
        raise ConfigError(f"XML that is not read: {error}", path=path) from error
    return root


def line_with(raw: bytes, words: str, *, occurrence: int = 1) -> int | None:
    """The 1-based line of the n-th line that holds `words`: elements do not keep theirs."""
    sought = words.encode()
    lines = (place for place, line in enumerate(raw.splitlines(), start=1) if sought in line)
    return next((line for count, line in enumerate(lines, start=1) if count == occurrence), None)
