"""Formats of files: CRC-32C, TFRecord framing, the protocol buffer wire format.  No dependencies but NumPy."""
