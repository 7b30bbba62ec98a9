"""The autoregressive baseline: likelihood, training, sampling."""
