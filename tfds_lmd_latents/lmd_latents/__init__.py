"""The data set `lmd_latents`, laid out as TFDS asks for."""
