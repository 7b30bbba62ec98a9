"""MIDI to and from monophonic melodies and token phrases; NumPy, no Keras."""
