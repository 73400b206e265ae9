"""`python -m training.recognizer`: says what to install where PyTorch is missing."""

import sys

from training.without_torch import require_training_extra

require_training_extra("training.recognizer")

from training.recognizer.command import main  # noqa: E402  it imports PyTorch, which was looked for first

sys.exit(main())
