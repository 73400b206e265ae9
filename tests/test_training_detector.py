"""The plate detector: targets, loss, training state, export, scoring, and the contract of the shipped model."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx", reason="training is an extra: pip install 'kakou[train]'")
torch = pytest.importorskip("torch", reason="training is an extra: pip install 'kakou[train]'")

from ocr.detector import Detection
from ocr.models_folder import shipped_models
from ocr.types import BgrImage
from training.detector.blend import blend
from training.detector.export import export_onnx, folded, padded, quantise_detector
from training.detector.material import Batch
from training.detector.net import ExportNet, PlateNet
from training.detector.real_scenes import Scene
from training.detector.score import score_scenes
from training.detector.start import start_from
from training.detector.targets import detector_loss, make_target, stack_targets
from training.detector.train import (
    TrainSettings,
    learning_rate_factor,
    load_checkpoint,
    new_state,
    train,
    train_step,
)
from training.detector.views import View

SHIPPED = Path(__file__).parent.parent / "ocr" / "models" / "detector.onnx"
PLATE = np.array([[40, 30], [100, 34], [99, 53], [39, 49]], np.float32)
CPU = torch.device("cpu")


def view_with(*quads: np.ndarray, ignored: tuple[tuple[float, ...], ...] = ()) -> View:
    boxes = np.array(ignored, np.float32).reshape(-1, 4)
    plates = np.array(quads, np.float32).reshape(-1, 4, 2)
    return View(np.full((96, 160, 3), 90, np.uint8), plates, np.ones(len(plates), np.float32), boxes)


def batch_of(*views: View) -> Batch:
    pixels = np.stack([view.image.transpose(2, 0, 1) for view in views])
    return Batch(torch.from_numpy(np.ascontiguousarray(pixels)), stack_targets([make_target(view) for view in views]))


def test_targets_hold_the_corners_of_the_plates_they_were_made_from():
    far = PLATE + np.array([40, 36], np.float32)
    target = make_target(view_with(PLATE, far))
    peaks = np.argwhere(target.score == 1)
    assert len(peaks) == 2
    for row, column in peaks:
        middle = np.array([8 * column + 4, 8 * row + 4])
        corners = target.corners[:, row, column].reshape(4, 2) + middle
        assert min(np.abs(corners - plate).max() for plate in (PLATE, far)) < 1e-3


def test_an_ignored_box_is_not_judged():
    target = make_target(view_with(ignored=((100, 60, 130, 80),)))
    assert target.counted[8, 14] == 0
    assert target.counted[2, 2] == 1
    assert target.score.max() == 0


def test_the_loss_is_least_for_the_right_answer():
    score, counted, corners, weight = stack_targets([make_target(view_with(PLATE))])
    logit = torch.where(score >= 1, 9.0, -9.0)[:, None]
    right = detector_loss(torch.cat([logit, corners], dim=1), (score, counted, corners, weight))
    blind = detector_loss(torch.cat([-logit, corners], dim=1), (score, counted, corners, weight))
    shifted = detector_loss(torch.cat([logit, corners + 10], dim=1), (score, counted, corners, weight))
    assert float(right[0]) < 0.01 < 1 < float(blind[0])
    assert float(right[1]) == 0
    # 10 pixels are half the height of this plate; the loss is quadratic only below one pixel.
    assert float(shifted[1]) == pytest.approx(9.5 / 19.0, rel=0.05)


def test_training_learns_a_plate():
    torch.manual_seed(0)
    view = view_with(PLATE)
    view.image[30:54, 39:101] = 240
    settings = TrainSettings(minutes=1)
    state = new_state(PlateNet(), settings, CPU)
    losses = [sum(train_step(state, batch_of(view), 3e-3, settings, CPU)) for _ in range(8)]
    assert state.step == 8
    assert losses[-1] < 0.7 * losses[0]


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path):
    settings = TrainSettings(minutes=0.1)
    checkpoint = tmp_path / "checkpoint.pt"
    state = new_state(PlateNet(), settings, CPU)
    batch = batch_of(view_with(PLATE))
    ticks = count(0, 2)
    train(state, endless(batch), settings, checkpoint, lambda _line: None, lambda: float(next(ticks)))
    again = new_state(PlateNet(), settings, CPU)
    load_checkpoint(again, checkpoint)
    assert (again.step, again.elapsed_s) == (state.step, state.elapsed_s)
    before, after = state.averaged.state_dict(), again.averaged.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    train(again, iter(()), settings, checkpoint, lambda _line: None)
    assert again.step == state.step


def test_the_learning_rate_rises_then_falls():
    rates = [learning_rate_factor(spent, 0.1) for spent in (0.01, 0.05, 0.1, 0.5, 0.9, 1.0)]
    assert rates[0] < rates[1] < rates[2] == pytest.approx(1.0)
    assert rates[2] > rates[3] > rates[4] > rates[5] > 0


def test_the_exported_network_answers_as_the_trained_one(tmp_path: Path):
    net = lively_net()
    export_onnx(folded(net), tmp_path / "net.onnx")
    for height, width in ((64, 96), (128, 32)):
        picture = np.random.default_rng(1).integers(0, 255, (1, height, width, 3), dtype=np.uint8)
        got = session(tmp_path / "net.onnx").run(None, {"input": picture})[0]
        with torch.no_grad():
            wanted = ExportNet(net)(torch.from_numpy(picture)).numpy()
        assert got.shape == (1, 9, height // 8, width // 8)
        assert got == pytest.approx(wanted, abs=2e-2)


def test_a_network_can_start_from_an_export(tmp_path: Path):
    net = lively_net()
    export_onnx(folded(net), tmp_path / "net.onnx")
    started = PlateNet()
    picture = torch.from_numpy(np.random.default_rng(2).integers(0, 255, (2, 3, 64, 96)).astype(np.float32))
    start_from(started, tmp_path / "net.onnx", picture)
    with torch.no_grad():
        assert started.eval()(picture).numpy() == pytest.approx(net(picture).numpy(), abs=2e-2)


def test_a_network_can_start_from_the_shipped_file_in_8_bits():
    picture = np.random.default_rng(2).integers(0, 255, (2, 64, 96, 3), dtype=np.uint8)
    started = PlateNet()
    start_from(started, shipped_models().detector, torch.from_numpy(picture.transpose(0, 3, 1, 2)).float())
    wanted = session(shipped_models().detector).run(None, {"input": picture[:1]})[0]
    with torch.no_grad():
        got = ExportNet(started.eval())(torch.from_numpy(picture[:1])).numpy()
    assert got[:, 0] == pytest.approx(wanted[:, 0], abs=0.1)


def test_a_blend_lies_between_its_two_networks(tmp_path: Path):
    first, second = lively_net(), lively_net()
    with torch.no_grad():
        second.state_dict()["heat.bias"].add_(2.0)
    for name, net in (("first", first), ("second", second)):
        export_onnx(folded(net), tmp_path / f"{name}.onnx")
    picture = torch.from_numpy(np.random.default_rng(5).integers(0, 255, (2, 3, 64, 96)).astype(np.float32))
    blended = blend(tmp_path / "first.onnx", tmp_path / "second.onnx", 0.25, picture)
    with torch.no_grad():
        rise = (blended(picture) - first(picture))[:, 0].numpy()
    assert rise == pytest.approx(0.5, abs=2e-2)


def test_another_network_is_refused(tmp_path: Path):
    export_onnx(folded(lively_net()), tmp_path / "net.onnx")
    model = onnx.load(str(tmp_path / "net.onnx"))
    model.graph.node.remove(next(node for node in model.graph.node if node.op_type == "Conv"))
    onnx.save(model, str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="another network"):
        start_from(PlateNet(), tmp_path / "other.onnx", torch.zeros(1, 3, 64, 64))


def test_eight_bits_change_the_answer_little(tmp_path: Path):
    rng = np.random.default_rng(4)
    scenes = [
        Scene(str(i), rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), np.zeros((0, 4, 2), np.float32), True)
        for i in range(2)
    ]
    export_onnx(folded(lively_net()), tmp_path / "full.onnx")
    quantise_detector(tmp_path / "full.onnx", tmp_path / "small.onnx", scenes)
    picture = padded(scenes[0].image)
    full, small = (session(tmp_path / f"{name}.onnx").run(None, {"input": picture})[0] for name in ("full", "small"))
    assert (tmp_path / "small.onnx").stat().st_size < 0.45 * (tmp_path / "full.onnx").stat().st_size
    assert np.abs(full[0, 0] - small[0, 0]).max() < 0.1


def test_folding_leaves_the_trained_network_alone():
    net = lively_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    folded(net)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_scores_count_every_plate_and_every_detection_once():
    near, far = PLATE, PLATE + np.array([0, 200], np.float32)
    scene = Scene("two", np.zeros((300, 200, 3), np.uint8), np.stack([near, far]), True)
    answers = [(0.9, near + 1), (0.8, near + 3), (0.35, far + np.array([10, 0], np.float32)), (0.3, far - 90)]
    detector = ScriptedDetector([Detection(corners, score) for score, corners in answers])
    high, low = score_scenes(detector, [scene], (0.5, 0.2))
    assert (high.plates, high.found, high.false) == (2, 1, 1)
    assert (low.plates, low.found, low.false) == (2, 2, 2)
    assert high.corner_error == pytest.approx(np.sqrt(2) / np.linalg.norm(PLATE[3] - PLATE[0]), rel=0.02)
    assert high.recall == 0.5
    assert high.precision == 0.5


def test_the_shipped_detector_keeps_its_contract():
    model = session(SHIPPED)
    assert [(i.name, i.type) for i in model.get_inputs()] == [("input", "tensor(uint8)")]
    assert [o.name for o in model.get_outputs()] == ["out"]
    for height, width in ((32, 32), (384, 640), (640, 416)):
        out = model.run(None, {"input": np.full((1, height, width, 3), 114, np.uint8)})[0]
        assert out.shape == (1, 9, height // 8, width // 8)
        assert 0 <= out[0, 0].min() <= out[0, 0].max() < 0.2


def test_the_shipped_detector_is_small():
    weights = sum(int(np.prod(each.dims)) for each in onnx.load(str(SHIPPED)).graph.initializer)
    assert weights <= 1_500_000
    assert SHIPPED.stat().st_size < 6_000_000


class ScriptedDetector:
    """Answers the same detections for every image."""

    def __init__(self, detections: list[Detection]) -> None:
        self._detections = detections

    def detect(self, image: BgrImage, long_side: int = 640, min_score: float = 0.3) -> list[Detection]:
        assert image.shape[1] <= long_side
        return [each for each in self._detections if each.score >= min_score]


def lively_net() -> PlateNet:
    """A network with random weights and normalisation, so that a wrong export shows."""
    torch.manual_seed(3)
    net = PlateNet()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for name, low, high in (("running_mean", -0.5, 0.5), ("running_var", 0.5, 2), ("bias", -0.3, 0.3)):
                module.state_dict()[name].uniform_(low, high)
            torch.nn.init.uniform_(module.weight, 0.5, 1.2)
    return net.eval()


def endless(batch: Batch) -> Iterator[Batch]:
    while True:
        yield batch


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
