"""Whether what somebody wrote as a reason says anything."""


def says_nothing(words: str) -> bool:
    """True of spaces, of characters that nobody sees (`strip` leaves a zero-width space) and of mere punctuation."""
    return not any(character.isalnum() for character in words)
