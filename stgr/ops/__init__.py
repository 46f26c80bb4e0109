"""The maths: pure tensor functions that know no module, registry or structure."""
