"""What there is: files found, and the items made of them."""
