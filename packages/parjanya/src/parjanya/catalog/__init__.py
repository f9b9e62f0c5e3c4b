"""What there is: files found, items made of them, records shown of items, and the language to select them."""
