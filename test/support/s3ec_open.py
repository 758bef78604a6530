"""Opens an object of format v3 or v2 with an RSA key: s3ec_open.py ops.key metadata.json < object > message"""
import base64, hmac, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

key = serialization.load_pem_private_key(open(sys.argv[1], "rb").read(), None)
metadata = {name.lower().removeprefix("x-amz-meta-"): value for name, value in json.load(open(sys.argv[2])).items()}
value = lambda name: base64.b64decode(metadata[name])
sha1 = hashes.SHA1()
oaep = padding.OAEP(padding.MGF1(sha1), sha1, None)

def data_key(wrapped, algorithm):
    """The wrap holds a length, the key, and what it may be used for."""
    plain = key.decrypt(wrapped, oaep)
    if plain[0] != 32 or plain[33:] != algorithm: sys.exit("the data key is for something else")
    return plain[1:33]

body = sys.stdin.buffer.read()
if metadata.get("x-amz-c") == "115":
    secret = data_key(value("x-amz-3"), b"115")
    derive = lambda label, length: HKDF(hashes.SHA512(), length, value("x-amz-i"), b"\x00\x73" + label).derive(secret)
    if not hmac.compare_digest(derive(b"COMMITKEY", 28), value("x-amz-d")): sys.exit("bad commitment")
    content = AESGCM(derive(b"DERIVEKEY", 32)).decrypt(b"\x01" * 12, body, b"\x00\x73")
else:
    secret = data_key(value("x-amz-key-v2"), b"AES/GCM/NoPadding")
    content = AESGCM(secret).decrypt(value("x-amz-iv"), body, None)
sys.stdout.buffer.write(content)
