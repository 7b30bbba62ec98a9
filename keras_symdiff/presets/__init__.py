"""Pretrained weights that ship with the package."""
