"""Certificates of an authority that a test makes, for servers that speak TLS."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# TLS checks certificates against the machine's own clock, so this one is real.
_VALID = timedelta(days=2)
HOSTS = ("localhost", "webexapis.example", "media.example")


class Authority:
    """A certificate authority in a folder.

    `bundle` is its certificate, as REQUESTS_CA_BUNDLE wants it; `context` is what a server has to
    wrap its sockets with, good for 127.0.0.1 and for all of HOSTS.
    """

    def __init__(self, folder: Path) -> None:
        now = datetime.now(UTC)
        self._begin, self._end = now - _VALID, now + _VALID
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        self.bundle = folder / "authority.pem"
        own = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._signed(self._name, self._key, own)
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.context = self._server_context(folder)

    def _server_context(self, folder: Path) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTS[0])])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        names = x509.SubjectAlternativeName([address, *map(x509.DNSName, HOSTS)])
        pem = self._signed(name, key, names).public_bytes(serialization.Encoding.PEM)
        file = folder / "server.pem"
        file.write_bytes(
            pem
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        is_authority = isinstance(extension, x509.BasicConstraints)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._begin)
            .not_valid_after(self._end)
            .add_extension(extension, critical=is_authority)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if is_authority:
            usage = {
                name: name in ("key_cert_sign", "crl_sign")
                for name in (
                    "digital_signature content_commitment key_encipherment data_encipherment "
                    "key_agreement key_cert_sign crl_sign encipher_only decipher_only"
                ).split()
            }
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        return builder.sign(self._key, hashes.SHA256())
