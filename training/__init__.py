"""Makes the models that ship in ocr/models/. Not needed at run time."""
