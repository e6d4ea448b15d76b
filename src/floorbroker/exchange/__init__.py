"""A venue in a box: it matches, fills, and misbehaves on purpose."""
