"""Every decoder of `ingest/sources`, with real messages: what the conformance suite runs over.

Whoever adds a decoder writes its `DecoderCase` in a module beside this one (`tests/bmp_cases.py`,
...) and adds one line here; `tests/contract/test_decoders.py` says what it must keep.
"""

from tests.bmp_cases import CASE as BMP_CASE
from tests.cisco_cases import CISCO_CASES
from tests.decoder_case import DecoderCase
from tests.flow_cases import CASE as FLOW_CASE
from tests.gnmi_cases import GNMI_CASES
from tests.snmp_cases import CASE as SNMP_CASE
from tests.syslog_cases import CASE as SYSLOG_CASE

CASES: tuple[DecoderCase, ...] = (
    *CISCO_CASES,
    *GNMI_CASES,
    BMP_CASE,
    FLOW_CASE,
    SNMP_CASE,
    SYSLOG_CASE,
)
