"""What every trainer shares: batches, noise and run directories."""
