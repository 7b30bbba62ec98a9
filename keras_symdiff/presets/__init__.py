"""Pretrained weights that ship with the package, and the folder format that they and training runs share."""
