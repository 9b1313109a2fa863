import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import msgspec
import pytest

from stallproof import fate, model, records, tally
from stallproof.report.schema import results_schema

STRUCTS = {
    "finding": records.Finding,
    "fate": fate.Fate,
    "spent": tally.Spent,
    "tally": tally.Tally,
    "interval": records.Interval,
    "setting": records.Setting,
    "step": model.Step,
    "schedule": model.Schedule,
    "workload": model.Workload,
    "limits": model.Limits,
    "expect": model.Expect,
    "scenario": model.Scenario,
    "run": records.RunRecord,
    "result": records.ScenarioResult,
}


def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(results_schema())
    return jsonschema.Draft202012Validator(results_schema())


def encoded(results: records.Results) -> Any:
    return msgspec.json.decode(msgspec.json.encode(results))


def test_what_msgspec_writes_is_valid(results: records.Results) -> None:
    validator().validate(encoded(results))


@pytest.mark.parametrize("name", STRUCTS)
def test_the_schema_knows_every_field_and_no_other(name: str) -> None:
    properties = results_schema()["$defs"][name]["properties"]
    assert set(properties) == set(STRUCTS[name].__struct_fields__)


def test_the_top_knows_every_field_and_no_other() -> None:
    assert set(results_schema()["properties"]) == set(records.Results.__struct_fields__)


def test_the_schema_knows_every_cause() -> None:
    assert results_schema()["$defs"]["fate"]["properties"]["cause"]["enum"] == list(fate.Cause)


def green(document: Any) -> None:
    document["results"][0]["runs"][0]["verdict"] = "green"


def nameless(document: Any) -> None:
    del document["results"][0]["runs"][0]["scenario"]["name"]


def surplus(document: Any) -> None:
    document["results"][0]["passed"] = True


def early(document: Any) -> None:
    document["results"][0]["runs"][0]["scenario"]["schedule"]["steps"][0]["at_s"] = -1


def faultless(document: Any) -> None:
    del document["results"][0]["runs"][0]["scenario"]["schedule"]["steps"][0]["fault"]["fault"]


def textual(document: Any) -> None:
    document["results"][0]["findings"][0]["numbers"]["lost"] = "0"


@pytest.mark.parametrize("mutate", [green, nameless, surplus, early, faultless, textual])
def test_a_mutated_one_is_refused(results: records.Results, mutate: Callable[[Any], None]) -> None:
    document = copy.deepcopy(encoded(results))
    mutate(document)
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(document)
