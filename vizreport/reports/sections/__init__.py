"""The sections of a page: each turns results into one picture with its words. ``registry.py`` lists them."""
