"""The content policy of pages that must not fetch anything nor run anybody else's script."""

import base64
import hashlib


def own_script_only(script: str, *, media: str = "'none'", images: str = "'none'") -> str:
    """Return a policy: one script by its checksum, inline styles, named media, nothing else.

    Args:
        script: The text between the page's script tags.
        media: Where video and sound may come from, as the policy writes it.
        images: Where pictures may come from.
    """
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{checksum}'; style-src 'unsafe-inline'; "
        f"media-src {media}; img-src {images}; base-uri 'none'; form-action 'none'"
    )
