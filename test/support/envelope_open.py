"""Opens a Postern envelope v1: envelope_open.py main.key < sealed > message"""
import base64, hashlib, hmac, sys
from nacl.public import Box, PrivateKey, PublicKey
from nacl.secret import SecretBox

sha512 = lambda data: hashlib.sha512(data).digest()

def header(sealed, secret):
    """The payload key, and where the chunks begin."""
    if sealed[:8] != b"PSTRNBX\x01": sys.exit("not a Postern envelope v1")
    epk, count = sealed[8:40], int.from_bytes(sealed[40:42], "big")
    if not 1 <= count <= 64: sys.exit("bad number of keys")
    end = 42 + 64 * count
    entries = [sealed[at:at + 64] for at in range(42, end, 64)]
    kid = sha512(b"postern-envelope-v1 key id" + bytes(secret.public_key))[:16]
    wraps = [entry[16:] for entry in entries if entry[:16] == kid]
    if not wraps: sys.exit("sealed to other keys")
    file_key = Box(secret, PublicKey(epk)).decrypt(wraps[0], b"postern-envelope-v1-wrap")
    derived = sha512(b"postern-envelope-v1 payload" + file_key + sha512(sealed[:end]))
    if not hmac.compare_digest(derived[32:], sealed[end:end + 32]): sys.exit("bad commitment")
    return derived[:32], end + 32

def chunks(sealed, key, at):
    for index in range(max(1, -(-(len(sealed) - at) // 65552))):
        chunk, at = sealed[at:at + 65552], at + 65552
        last = at >= len(sealed)
        if index > 0 and len(chunk) == 16: sys.exit("empty last chunk")
        yield SecretBox(key).decrypt(chunk, bytes(15) + index.to_bytes(8, "big") + bytes([last]))

sealed = sys.stdin.buffer.read()
secret = PrivateKey(base64.b64decode(open(sys.argv[1]).read().split()[-1]))
sys.stdout.buffer.write(b"".join(chunks(sealed, *header(sealed, secret))))
