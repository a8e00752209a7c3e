"""A little real work for each package, with a result that is right or raises."""

from __future__ import annotations

import datetime

import numpy as np
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import connection, transaction
from PIL import Image, ImageDraw, ImageFilter


def in_the_database() -> str:
    """A table, a transaction that is taken back, a cursor that the server keeps."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS measured (value double precision)")
        with transaction.atomic():
            cursor.executemany("INSERT INTO measured VALUES (%s)", [(number / 2,) for number in range(100)])
            cursor.execute("SELECT sum(value) FROM measured")
            assert cursor.fetchone()[0] >= 2475
            transaction.set_rollback(True)
        cursor.execute("SELECT current_user || ' on ' || current_database()")
        return cursor.fetchone()[0]


def with_pictures() -> str:
    """Draw, blur, shrink, and keep as JPEG, PNG and WebP."""
    picture = Image.new("RGB", (640, 480), "navy")
    ImageDraw.Draw(picture).ellipse((100, 100, 540, 380), fill="gold")
    picture = picture.filter(ImageFilter.GaussianBlur(3)).resize((320, 240), Image.Resampling.LANCZOS)
    for kind in ("jpeg", "png", "webp"):
        file = settings.MEDIA_ROOT / f"picture.{kind}"
        picture.save(file)
        with Image.open(file) as kept:
            assert kept.size == (320, 240)
            red, green, blue = kept.convert("RGB").getpixel((160, 120))
            assert red > 200 > 100 > blue
            assert green > 150
    return "jpeg png webp"


def with_numbers() -> str:
    """Solve, decompose and transform, in as many threads as the library likes."""
    random = np.random.default_rng(7)
    matrix, vector = random.random((300, 300)), random.random(300)
    assert np.allclose(matrix @ np.linalg.solve(matrix, vector), vector)
    left, values, right = np.linalg.svd(matrix)
    assert np.allclose(left * values @ right, matrix)
    assert np.allclose(np.fft.ifft(np.fft.fft(vector)).real, vector)
    return "solved"


def with_keys() -> str:
    """Encrypt, sign with two kinds of keys, and make a certificate."""
    fernet = Fernet(Fernet.generate_key())
    assert fernet.decrypt(fernet.encrypt(b"word")) == b"word"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    padded = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
    key.public_key().verify(key.sign(b"word", padded, hashes.SHA256()), b"word", padded, hashes.SHA256())
    curve = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab.example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(curve.public_key()).serial_number(x509.random_serial_number())
    certificate = built.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(curve, hashes.SHA256())
    certificate.verify_directly_issued_by(certificate)
    return "signed"


ALL = {"psycopg": in_the_database, "pillow": with_pictures, "numpy": with_numbers, "cryptography": with_keys}
