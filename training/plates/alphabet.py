"""The recogniser's classes: one code point each, the pad character last."""

import numpy as np
from numpy.typing import NDArray

from ocr.grammar import DIGITS, PROVINCES
from training.plates.specs import LETTERS

SLOTS = 9
PAD = "_"
SPECIALS = "学警挂港澳使领民航应急临试超"
ALPHABET = DIGITS + LETTERS + "O" + PROVINCES + SPECIALS + PAD


def encode(text: str) -> NDArray[np.uint8]:
    """Return the class of each of the SLOTS slots, padded on the right.

    Raises ValueError for a text that is too long or has a character outside of ALPHABET.
    """
    if len(text) > SLOTS:
        raise ValueError(f"a plate has at most {SLOTS} characters, not {len(text)}")
    classes = [ALPHABET.index(character) for character in text.ljust(SLOTS, PAD)]
    return np.array(classes, np.uint8)


def decode(classes: NDArray[np.integer]) -> str:
    """Return the text of shape (SLOTS,) classes, without pads."""
    return "".join(ALPHABET[int(index)] for index in classes).replace(PAD, "")


def normalise(text: str) -> str:
    """Return `text` as reads are scored: the letter O counts as 0, I as 1."""
    return text.upper().replace("O", "0").replace("I", "1")
