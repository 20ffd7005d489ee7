"""The vault's own public addresses, as they stand in answers, QR codes and on certificates."""

from __future__ import annotations

from dataclasses import dataclass

API = "/business/certificate-vault"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Builds full URLs; ``public_url`` has no slash at its end."""

    public_url: str

    @property
    def api(self) -> str:
        """Where the API's collection lies."""
        return self.public_url + API

    def download(self, uuid: str) -> str:
        """The verified PDF; wants a token."""
        return f"{self.api}/{uuid}/download"

    def verification(self, reference_id: str) -> str:
        """The page that says to anyone whether a certificate is genuine."""
        return f"{self.public_url}/verify/{reference_id}"

    def qr_code(self, reference_id: str) -> str:
        """The QR code of the verification page, as SVG."""
        return f"{self.verification(reference_id)}/qr_code.svg"

    def barcode(self, reference_id: str) -> str:
        """The reference id in Code 128, as SVG."""
        return f"{self.verification(reference_id)}/barcode.svg"
