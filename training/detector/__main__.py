"""`python -m training.detector`: says what to install where PyTorch is missing."""

from training.without_torch import require_training_extra

require_training_extra("training.detector")

from training.detector.command import app  # noqa: E402  it imports PyTorch, which was looked for first

app()
