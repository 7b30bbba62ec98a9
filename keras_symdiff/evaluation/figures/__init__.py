"""The pictures of a report: plain arrays in, one PNG out, a file a figure."""
