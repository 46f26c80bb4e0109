"""Everything with parameters, and the losses that train them."""
