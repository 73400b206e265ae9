"""The recogniser's network: exported, started from an earlier file, trained; these need PyTorch."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from ocr.recognizer import PlateRecognizer
from training.plates.alphabet import ALPHABET, SLOTS
from training.plates.specs import PLATE_STYLES
from training.real_crops import RealCrop


def needs_torch() -> None:
    """Skip where the training extra is not installed; a CI that sets KAKOU_TRAIN must have it."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("onnx") is None:
        assert not os.environ.get("KAKOU_TRAIN"), "pip install 'kakou[train]'"
        pytest.skip("pip install 'kakou[train]'")


def test_an_exported_network_gives_calibrated_probabilities_in_fast_plate_ocr(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.exporting import export
    from training.recognizer.network import PlateNetwork

    torch.manual_seed(0)
    network = PlateNetwork().eval()
    export(network, 2.0, tmp_path / "recognizer.onnx", None)
    reader = PlateRecognizer.from_files(tmp_path / "recognizer.onnx", tmp_path / "recognizer.yaml")
    crop = np.random.default_rng(4).integers(0, 256, (48, 144, 3)).astype(np.uint8)
    with torch.inference_mode():
        outputs = network(torch.from_numpy(np.ascontiguousarray(crop[None, :, :, ::-1])))
    expected = (outputs.plate / 2.0).softmax(dim=-1)[0].numpy()
    for distribution in reader.recognize([crop, crop, crop]):
        np.testing.assert_allclose(distribution.char_probs, expected, atol=1e-4)
        assert distribution.style_probs.sum() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("is_eight_bit", [False, True])
def test_a_network_can_start_from_an_exported_one(tmp_path: Path, is_eight_bit: bool):
    needs_torch()
    import torch

    from training.recognizer.exporting import export, open_model
    from training.recognizer.network import PlateNetwork
    from training.recognizer.starting import start_from_model

    torch.manual_seed(0)
    crops = np.random.default_rng(4).integers(0, 256, (8, 48, 144, 3)).astype(np.uint8)
    trained = PlateNetwork()
    with torch.no_grad():
        for parameter in trained.parameters():  # equal ones, as before any training, are stored once
            parameter.add_(torch.randn_like(parameter) * 0.01)
    export(trained, 1.0, tmp_path / "recognizer.onnx", [crops] if is_eight_bit else None)
    started = PlateNetwork().eval()
    start_from_model(started, tmp_path / "recognizer.onnx")
    with torch.inference_mode():
        outputs = started(torch.from_numpy(crops))
    plate, style = open_model(tmp_path / "recognizer.onnx")(crops)
    tolerance = 0.02 if is_eight_bit else 1e-5
    np.testing.assert_allclose(outputs.plate.softmax(dim=-1).numpy(), plate, atol=tolerance)
    np.testing.assert_allclose(outputs.style.softmax(dim=-1).numpy(), style, atol=tolerance)


def test_a_network_with_a_second_look_starts_from_one_without_and_reads_as_it_did(tmp_path: Path):
    needs_torch()
    import onnx
    import torch

    from training.recognizer.exporting import export
    from training.recognizer.network import GRID, WIDTH, Outputs, PlateNetwork
    from training.recognizer.starting import start_from_model

    class Earlier(PlateNetwork):
        def forward(self, crops: torch.Tensor) -> Outputs:
            x = (crops.permute(0, 3, 1, 2).float() - 127.5) / 64.0
            tokens = self.stem(x).reshape(-1, WIDTH, GRID[0] * GRID[1]).transpose(1, 2) + self.pos
            tokens = self.nf(self.enc[0](tokens))
            slots = self.post[0](self.qs + self.red(self.qs, tokens, self.bias))
            return Outputs(self.head(self.n(slots)), self.typ(tokens.mean(dim=1)))

    torch.manual_seed(0)
    file = tmp_path / "recognizer.onnx"
    earlier, started = Earlier().eval(), PlateNetwork().eval()
    with torch.no_grad():
        for parameter in earlier.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    export(earlier, 1.0, file, None)
    start_from_model(started, file)
    crops = torch.randint(0, 256, (4, 48, 144, 3), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(started(crops).plate, earlier(crops).plate, atol=1e-4, rtol=1e-4)

    model = onnx.load(file)
    kept = [tensor for tensor in model.graph.initializer if tensor.name != "network.post.0.n1.bias"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, file)
    with pytest.raises(ValueError, match=r"lacks post\.0\.n1\.bias"):
        start_from_model(PlateNetwork(), file)


def test_a_network_with_more_characters_styles_and_slots_keeps_what_an_earlier_one_knew():
    needs_torch()
    import torch

    from training.recognizer.starting import grown

    old = torch.arange(6.0).reshape(3, 2)
    rows = grown(
        "typ.weight", torch.full((len(PLATE_STYLES), 2), 9.0), old, {"plate_regions": ["not_plate", "blue", "x"]}
    )
    assert rows[PLATE_STYLES.index("not_plate")].tolist() == [0, 1]
    assert rows[PLATE_STYLES.index("blue")].tolist() == [2, 3]
    assert rows[PLATE_STYLES.index("paper")].tolist() == [9, 9]
    slots = grown("qs", torch.zeros(1, 4, 2), old[None], {})
    assert slots[0].tolist() == [[0, 1], [2, 3], [4, 5], [4, 5]]
    with pytest.raises(ValueError, match="another shape"):
        grown("nf.weight", torch.zeros(4), torch.zeros(3), {})
    with pytest.raises(ValueError, match="another shape"):
        grown("typ.weight", torch.zeros(len(PLATE_STYLES), 2), old, {"plate_regions": ["blue"]})


def test_eight_bits_make_a_smaller_file_with_the_same_answers(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.exporting import export, open_model
    from training.recognizer.network import PlateNetwork

    torch.manual_seed(0)
    crops = np.random.default_rng(4).integers(0, 256, (8, 48, 144, 3)).astype(np.uint8)
    network, full, small = PlateNetwork(), tmp_path / "full" / "r.onnx", tmp_path / "small" / "r.onnx"
    export(network, 1.0, full, None)
    export(network, 1.0, small, [crops])
    assert small.stat().st_size < 0.7 * full.stat().st_size
    np.testing.assert_allclose(open_model(small)(crops)[0], open_model(full)(crops)[0], atol=0.02)


def test_training_goes_on_from_its_checkpoint(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.feeding import Batch
    from training.recognizer.learning import LearnSettings, learn, load_average
    from training.recognizer.network import PlateNetwork

    batch = Batch(
        torch.zeros(4, 48, 144, 3, dtype=torch.uint8),
        torch.zeros(4, SLOTS, dtype=torch.int64),
        torch.zeros(4, dtype=torch.int64),
        torch.ones(4),
    )
    checkpoint = tmp_path / "run.pt"
    steps: list[int] = []
    for minutes in (0.005, 0.01):
        learn(
            PlateNetwork(),
            iter(lambda: batch, None),
            LearnSettings(checkpoint, minutes, uses_bfloat16=False),
            lambda _: None,
        )
        steps.append(int(torch.load(checkpoint, weights_only=True)["step"]))
    assert 0 < steps[0] < steps[1]
    assert not load_average(checkpoint).training


def test_a_suspended_process_loses_none_of_its_schedule(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.feeding import Batch
    from training.recognizer.learning import LearnSettings, learn
    from training.recognizer.network import PlateNetwork

    batch = Batch(
        torch.zeros(1, 48, 144, 3, dtype=torch.uint8),
        torch.zeros(1, SLOTS, dtype=torch.int64),
        torch.zeros(1, dtype=torch.int64),
        torch.ones(1),
    )
    settings = LearnSettings(tmp_path / "run.pt", minutes=0.001, longest_step_s=0.001, uses_bfloat16=False)
    learn(PlateNetwork(), iter(lambda: batch, None), settings, lambda _: None)
    assert int(torch.load(settings.checkpoint, weights_only=True)["step"]) >= 60


def test_temperature_undoes_boasting():
    needs_torch()
    import torch

    from training.recognizer.calibrating import fit_temperature
    from training.recognizer.network import Outputs, PlateNetwork

    class Boaster(PlateNetwork):
        """Right in three of four crops, but always nearly certain."""

        def forward(self, crops: torch.Tensor) -> Outputs:
            plate = torch.zeros(len(crops), SLOTS, len(ALPHABET))
            plate[:, :, ALPHABET.index("1")] = 8.0
            return Outputs(plate, torch.zeros(len(crops), len(PLATE_STYLES)))

    view = np.zeros((56, 168, 3), np.uint8)
    crops = [RealCrop("s", "2" * SLOTS if index % 4 == 0 else "1" * SLOTS, "blue", view, None) for index in range(40)]
    assert fit_temperature(Boaster(), crops) > 1.3


def test_a_branch_for_further_forms_speaks_only_where_it_sees_one(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.exporting import export, open_model
    from training.recognizer.joining import join
    from training.recognizer.network import PlateNetwork
    from training.recognizer.starting import start_from_branch, start_from_model

    torch.manual_seed(0)
    crops = np.random.default_rng(4).integers(0, 256, (6, 48, 144, 3)).astype(np.uint8)
    known, branch = PlateNetwork().eval(), PlateNetwork().eval()
    with torch.no_grad():
        for parameter in (*known.parameters(), *branch.parameters()):  # equal ones are stored once
            parameter.add_(torch.randn_like(parameter) * 0.01)
    branch.stem.load_state_dict(known.stem.state_dict())
    export(known, 1.0, tmp_path / "known.onnx", [crops])
    answers = {}
    for style in ("blue", "paper"):
        with torch.no_grad():
            branch.typ.bias.zero_()[PLATE_STYLES.index(style)] = 20.0
            branch.head.bias.zero_()[-1] = 20.0
        join(tmp_path / "known.onnx", branch, 2.0, tmp_path / f"{style}.onnx", [crops])
        answers[style] = open_model(tmp_path / f"{style}.onnx")(crops)
    with pytest.raises(ValueError, match="a branch already"):
        join(tmp_path / "paper.onnx", branch, 2.0, tmp_path / "again.onnx", None)
    started = PlateNetwork().eval()
    start_from_model(started, tmp_path / "paper.onnx")
    torch.testing.assert_close(started.head.weight, known.head.weight, atol=1e-6, rtol=1e-6)
    start_from_branch(started, tmp_path / "paper.onnx")
    torch.testing.assert_close(started.state_dict(), branch.state_dict(), atol=0.02, rtol=0.0)
    torch.testing.assert_close(started.head.weight, branch.head.weight, atol=1e-6, rtol=1e-6)
    with pytest.raises(ValueError, match="no branch"):
        start_from_branch(started, tmp_path / "known.onnx")
    for both, alone in zip(answers["blue"], open_model(tmp_path / "known.onnx")(crops), strict=True):
        np.testing.assert_array_equal(both, alone)
    assert (answers["paper"][0][:, :, -1] > 0.99).all()
    assert (answers["paper"][1].argmax(axis=1) == PLATE_STYLES.index("paper")).all()
    assert set(np.unique([p.sum() for p in answers["paper"][1]]).round(4)) == {1.0}


def test_the_branch_is_not_asked_about_what_the_known_recogniser_reads_plainly(tmp_path: Path):
    needs_torch()
    import torch

    from training.recognizer.exporting import export, open_model
    from training.recognizer.joining import join
    from training.recognizer.network import PlateNetwork

    torch.manual_seed(0)
    crops = np.random.default_rng(4).integers(0, 256, (6, 48, 144, 3)).astype(np.uint8)
    known, branch = PlateNetwork().eval(), PlateNetwork().eval()
    branch.stem.load_state_dict(known.stem.state_dict())
    with torch.no_grad():
        branch.typ.bias.zero_()[PLATE_STYLES.index("paper")] = 20.0
        known.head.bias.zero_()[ALPHABET.index("1")] = 20.0
    for style, speaks in (("blue", False), ("white", True)):
        with torch.no_grad():
            known.typ.bias.zero_()[PLATE_STYLES.index(style)] = 20.0
        export(known, 1.0, tmp_path / "known.onnx", [crops])
        join(tmp_path / "known.onnx", branch, 1.0, tmp_path / "both.onnx", None)
        styles = open_model(tmp_path / "both.onnx")(crops)[1].argmax(axis=1)
        assert (styles == PLATE_STYLES.index("paper" if speaks else style)).all()
