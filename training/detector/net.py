"""The detector's network: a small residual pyramid that answers at stride 8."""

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
INPUT_SCALE = 1 / 64
"""Pixels 0..255 are multiplied by this before the first convolution; the export folds it into the weights."""
CORNER_SCALE = 32.0
"""Corner offsets are learnt in units of this many pixels."""


class ConvBn(nn.Module):
    """3 x 3 convolution, batch normalisation and, unless `linear`, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, linear: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs, momentum=0.02)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn(self.conv(x))
        return y if self.linear else functional.relu(y, inplace=True)


class Residual(nn.Module):
    """Two convolutions beside a shortcut; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = ConvBn(channels, channels)
        self.b = ConvBn(channels, channels, linear=True)
        nn.init.zeros_(self.b.bn.weight)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.b(self.a(x)), inplace=True)


class PlateNet(nn.Module):
    """Input (n, 3, H, W) RGB, 0..255 as float. Output (n, 9, H/8, W/8): score logit, 8 corner offsets in pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.input_scale = INPUT_SCALE
        self.stem = nn.Sequential(ConvBn(3, 16, 2), ConvBn(16, 32, 2), ConvBn(32, 48, 2), Residual(48))
        self.d16 = nn.Sequential(ConvBn(48, 80, 2), Residual(80), Residual(80))
        self.d32 = nn.Sequential(ConvBn(80, 96, 2), Residual(96), Residual(96), Residual(96))
        self.l32, self.m16 = nn.Conv2d(96, 80, 1), ConvBn(80, 80)
        self.l16, self.h = nn.Conv2d(80, 48, 1), ConvBn(48, 48)
        self.heat, self.reg0, self.reg1 = nn.Conv2d(48, 1, 1), ConvBn(48, 48), nn.Conv2d(48, 8, 1)
        with torch.no_grad():
            self.heat.bias.fill_(-4.0)  # type: ignore[union-attr]  # our heads have a bias

    def forward(self, x: Tensor) -> Tensor:
        s8 = self.stem(x * self.input_scale if self.input_scale != 1.0 else x)
        s16 = self.d16(s8)
        s16 = self.m16(s16 + functional.interpolate(self.l32(self.d32(s16)), scale_factor=2.0))
        h = self.h(s8 + functional.interpolate(self.l16(s16), scale_factor=2.0))
        score = self.heat(h).float()
        beside = self.reg0(h)
        # In bfloat16 an offset of 100 pixels would be rounded to half a pixel.
        with torch.autocast(x.device.type, enabled=False):
            return torch.cat([score, self.reg1(beside.float()) * CORNER_SCALE], dim=1)


class ExportNet(nn.Module):
    """The network as it ships: uint8 (1, H, W, 3) RGB in, score 0..1 and corner offsets out."""

    def __init__(self, net: PlateNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        out = self.net(image.permute(0, 3, 1, 2).float())
        return torch.cat([out[:, :1].sigmoid(), out[:, 1:]], dim=1)
