"""What is said of a processor, from what Linux says of it."""

from pathlib import Path

import pytest

from ocr.processor import instructions, sums_bytes

MILAN = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu sse avx avx2 vaes\n\nprocessor\t: 1\n"
GENOA = MILAN.replace("avx2", "avx2 avx512f avx512_vnni")
SKYLAKE = MILAN.replace("avx2", "avx2 avx512f")
N100 = MILAN.replace("avx2", "avx2 avx_vnni")
ORIN = "processor\t: 0\nFeatures\t: fp asimd aes asimddp\nCPU part\t: 0xd42\n"
RASPBERRY_PI_4 = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32\n"


@pytest.mark.parametrize(
    ("text", "name", "is_fast"),
    [
        (MILAN, "AVX2", False),
        (GENOA, "AVX-512 VNNI", True),
        (SKYLAKE, "AVX-512", False),
        (N100, "AVX-VNNI", True),
        (ORIN, "NEON dot product", True),
        (RASPBERRY_PI_4, "NEON", False),
        ("model name\t: something\n", "", None),
    ],
)
def test_a_processor_that_sums_products_of_bytes_is_told(tmp_path: Path, text: str, name: str, is_fast: bool | None):
    (cpuinfo := tmp_path / "cpuinfo").write_text(text)
    assert (instructions(cpuinfo), sums_bytes(cpuinfo)) == (name, is_fast)


def test_where_nobody_says_nothing_is_claimed(tmp_path: Path):
    assert (instructions(tmp_path / "absent"), sums_bytes(tmp_path / "absent")) == ("", None)
