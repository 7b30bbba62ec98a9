"""Several takes of the same bars: ranked, shown on a page, and made again from their records."""
