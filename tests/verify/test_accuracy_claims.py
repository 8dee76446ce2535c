"""Every printed accuracy is wired to weights, or blocked because nobody published any."""

from pathlib import Path

import pytest

from reproductions.artifacts import artifact, artifacts
from reproductions.contract import NotMeasurableError
from reproductions.measure import measure
from verify.load import load

PROJECT = load(Path(__file__).parents[2])
NEEDS = {
    need.key: need
    for claim in PROJECT.claims.values()
    for need in PROJECT.all_needs(claim)
    if need.reproduction in {"top1_accuracy", "detection_ap"} and need.absent() is None
}
"""Those of models that exist."""
TIMMS = {
    "resnet18": "resnet18.tv_in1k",
    "resnet50": "resnet50.a1_in1k",
    "convnext_tiny": "convnext_tiny.fb_in1k",
    "efficientformer_l1": "efficientformer_l1.snap_dist_in1k",
    "efficientformer_l3": "efficientformer_l3.snap_dist_in1k",
    "efficientformer_l7": "efficientformer_l7.snap_dist_in1k",
    "levit_192": "levit_192.fb_dist_in1k",
    "levit_384": "levit_384.fb_dist_in1k",
    "efficientformerv2_s2": "efficientformerv2_s2.snap_dist_in1k",
    "efficientformerv2_l": "efficientformerv2_l.snap_dist_in1k",
    "deit_small_patch16_224": "deit_small_patch16_224.fb_in1k",
    "deit_small_distilled_patch16_224": "deit_small_distilled_patch16_224.fb_in1k",
    "swin_tiny_patch4_window7_224": "swin_tiny_patch4_window7_224.ms_in1k",
    "poolformer_s12": "poolformer_s12.sail_in1k",
    "poolformer_s24": "poolformer_s24.sail_in1k",
    "poolformer_s36": "poolformer_s36.sail_in1k",
}
UNPUBLISHED = ("clustervig_", "pvihgnn_", "pvg_", "mobilevig_ti")


@pytest.mark.parametrize(
    "need",
    [need for need in NEEDS.values() if need.reproduction == "top1_accuracy"],
    ids=lambda need: f"{need.params.model}, {need.params.dataset}, {need.params.transform}",
)
def test_an_accuracy_has_one_file_of_weights_or_none_was_published(need):
    model = need.params.model
    (name,) = need.params.weights_of()
    assert need.params.images_of() in artifacts()
    assert name == (f"weights/timm/{TIMMS[model]}" if model in TIMMS else f"weights/{model}")
    if model.startswith(UNPUBLISHED):
        with pytest.raises(NotMeasurableError, match=f"wants the weights of {model}, found none"):
            artifact(name)
    else:
        assert model in artifact(name).serves


def test_without_weights_and_images_every_one_is_blocked_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = {}
    for need in NEEDS.values():
        with pytest.raises(NotMeasurableError, match=r"^wants .*found none") as obstacle:
            measure(need.reproduction, need.params, "cpu")
        told[need.reproduction, need.params.subject()] = str(obstacle.value)
    assert "published no weights" in told["top1_accuracy", "clustervig_ti"]
    assert "`verify fetch resnet50.a1_in1k`" in told["top1_accuracy", "resnet50"]
    assert "`verify fetch imagenet_val --from FILE`" in told["top1_accuracy", "resnet50"]
    assert "`verify fetch imagenet_a`" in told["top1_accuracy", "vig_s"]
    assert "trained on COCO 2017 for 12 epochs" in told["detection_ap", "pvig_s"]


def test_the_documents_own_pipeline_stands_beside_the_models():
    for id_ in ("vig_s", "vig_s.imagenet_a"):
        claim = f"checkpointing_report.top1_accuracy.{id_}"
        (own,) = PROJECT.needs[claim]
        others = PROJECT.protocols[claim]
        assert own.params.mistaken() is not None
        assert others["trained"].params == own.params.corrected()
        assert others["trained"].params.mistaken() is None
        assert set(others) == {"trained", "timm_default"}
