"""What pages and REST read about data: each begins at a product or a dataset of it."""
