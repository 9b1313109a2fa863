import xml.etree.ElementTree as ET
from pathlib import Path

from tests.report import samples

from stallproof.model import Verdict
from stallproof.report import write_reports


def suites(folder: Path) -> list[ET.Element]:
    root = ET.parse(folder / "junit.xml").getroot()
    assert root.tag == "testsuites"
    return list(root)


def case(folder: Path, suite: str, name: str) -> ET.Element:
    found = [
        c for s in suites(folder) if s.get("name") == suite for c in s if c.get("name") == name
    ]
    assert len(found) == 1
    return found[0]


def test_a_suite_a_configuration_and_a_case_a_scenario(folder: Path) -> None:
    found = {s.get("name"): [c.get("name") for c in s] for s in suites(folder)}
    assert found == {
        "hardened / locked / local": ["broker-restart", "idle-reset-worker", "slow-broker"],
        "guide-int-keys / locked / local": ["broker-restart", "idle-reset-worker"],
        "guide / locked / local": ["broker-restart"],
    }


def test_the_common_structure(folder: Path) -> None:
    for suite in suites(folder):
        assert suite.tag == "testsuite"
        cases = list(suite)
        assert {c.tag for c in cases} == {"testcase"}
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == sum(c.find("failure") is not None for c in cases)
        assert int(suite.attrib["errors"]) == sum(c.find("error") is not None for c in cases)
        assert suite.attrib["skipped"] == "0"
        assert float(suite.attrib["time"]) > 0
        for one in cases:
            assert one.get("classname")
            assert float(one.attrib["time"]) > 0
            assert {child.tag for child in one} <= {"properties", "failure", "error"}


def test_valid_is_green_invalid_a_failure_unknown_an_error(folder: Path) -> None:
    good = case(folder, "hardened / locked / local", "broker-restart")
    assert good.find("failure") is None
    assert good.find("error") is None
    bad = case(folder, "guide-int-keys / locked / local", "broker-restart").find("failure")
    assert bad is not None
    for finding in samples.STALLED:
        assert (finding.text in (bad.text or "")) == (finding.verdict is not Verdict.VALID)
    unknown = case(folder, "hardened / locked / local", "slow-broker")
    assert unknown.find("failure") is None
    error = unknown.find("error")
    assert error is not None
    assert "did not bite" in error.attrib["message"]


def test_characters_that_xml_cannot_hold(tmp_path: Path) -> None:
    bad = samples.finding("boot", Verdict.INVALID, "\x1b[31mred\x00 \ud7ff ]]> <&\"'")
    samples.write(tmp_path, [(samples.record(samples.RESTART, "p", (bad,)), samples.recovers())])
    write_reports(tmp_path)
    failure = case(tmp_path, "p / locked / local", "broker-restart").find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "\ufffd[31mred\ufffd \ud7ff ]]> <&\"'"
