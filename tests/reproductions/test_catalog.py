"""The catalog, the modules of the package and the registry name the same reproductions."""

import importlib
import subprocess
import sys

import pytest

from reproductions import families
from reproductions.catalog import ParameterCountParams
from reproductions.contract import REGISTRY, SPECS

OWN = {name: spec for name, spec in SPECS.items() if spec.module.startswith("reproductions.")}


def test_every_declared_reproduction_has_a_family_module_and_a_function():
    assert sorted(OWN) == families.__all__ == sorted(families.__all__)
    modules = {spec.module for spec in OWN.values()}
    assert set(OWN) == {name for name in REGISTRY if REGISTRY[name].__module__ in modules}


@pytest.mark.parametrize("spec", OWN.values(), ids=OWN.keys())
def test_the_function_stands_where_the_spec_says(spec):
    module = importlib.import_module(spec.module)
    assert getattr(module, spec.name) is REGISTRY[spec.name]
    assert spec.module == f"reproductions.{spec.name}"


@pytest.mark.parametrize("spec", OWN.values(), ids=OWN.keys())
def test_a_module_states_protocol_cost_and_source(spec):
    text = importlib.import_module(spec.module).__doc__
    assert all(f"{word}: " in text for word in ("Protocol", "Cost", "Source"))


def test_what_claims_need_loads_without_torch_and_timm():
    code = (
        "import sys, reproductions.measure, reproductions.worker;"
        "from reproductions.measure import parse_params;"
        "parse_params('parameter_count', {'model': 'vig_ti'}).absent();"
        "print(sorted({'torch', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_params_say_what_supplies_the_model():
    ours, theirs = ParameterCountParams(model="vig_ti"), ParameterCountParams(model="resnet50")
    assert (ours.subject(), ours.family(), ours.absent()) == ("vig_ti", "vig", None)
    assert (ours.modules(), ours.packages()) == (("vig_models.vig",), ())
    assert (theirs.modules(), theirs.packages()) == ((), ("timm",))


def test_the_package_that_clustervig_takes_layers_from_counts_for_staleness():
    assert ParameterCountParams(model="clustervig_s_g4").packages() == ("torch-geometric",)


def test_params_of_a_model_that_does_not_exist_say_so():
    params = ParameterCountParams(model="resnet51")
    assert params.absent() == "no model named 'resnet51'"
    assert params.suggestion().startswith("; did you mean 'resnet")
