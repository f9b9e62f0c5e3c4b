"""What a vision-language model may say about an image: typed fields, and no verdict among them."""
