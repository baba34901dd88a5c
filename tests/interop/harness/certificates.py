"""What an issued certificate must be: chain to the CA's root, matching key, exactly those names."""
import pathlib
import re
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.S)


def load_chain(*files):
    """The certificates in FILES, in order."""
    found = [pem for file in files for pem in PEM.findall(pathlib.Path(file).read_bytes())]
    assert found, files
    return [x509.load_pem_x509_certificate(pem) for pem in found]


def names(certificate):
    """The certificate's DNS names, sorted."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(extension.value.get_values_for_type(x509.DNSName))


def _public_bytes(key):
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def check(ca, chain_files, key_file, expected):
    """Asserts that the first certificate of CHAIN_FILES is CA's, for the key and for EXPECTED."""
    chain = load_chain(*chain_files)
    leaf = chain[0]
    assert names(leaf) == sorted(expected)
    key = serialization.load_pem_private_key(pathlib.Path(key_file).read_bytes(), None)
    assert _public_bytes(key.public_key()) == _public_bytes(leaf.public_key())
    pem = serialization.Encoding.PEM
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "root").write_bytes(ca.root())
        (place / "rest").write_bytes(b"".join(c.public_bytes(pem) for c in chain[1:]))
        (place / "leaf").write_bytes(leaf.public_bytes(pem))
        done = subprocess.run(
            ["openssl", "verify", "-no-CApath", "-no-CAstore", "-x509_strict",
             "-purpose", "sslserver", "-CAfile", "root", "-untrusted", "rest", "leaf"],
            cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return leaf
