"""A copy of the state folder that can be put back: made while it is in use, sealed, with its keys apart."""
