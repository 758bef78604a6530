"""Reads messages (a JSON array of base64 texts) with Python's email package and writes what it found in each."""
import base64
import email
import json
import sys
from email import policy


def fields_of(message):
    return [[name, str(value)] for name, value in message.items()]


def part_of(part):
    found = {
        "type": part.get_content_type(),
        "encoding": part["Content-Transfer-Encoding"],
        "fields": fields_of(part),
        "defects": [type(each).__name__ for each in part.defects],
    }
    payload = part.get_payload()
    if part.get_content_type() == "message/delivery-status":
        # Python makes a message of each group of fields.
        found["groups"] = [fields_of(each) for each in payload]
    elif part.is_multipart():
        # message/global-*, which Python takes for a message of one: its octets as they are.
        found["octets"] = base64.b64encode(payload[0].as_bytes()).decode()
    else:
        found["octets"] = base64.b64encode(part.get_payload(decode=True)).decode()
    return found


found = []
for text in json.load(sys.stdin):
    message = email.message_from_bytes(base64.b64decode(text), policy=policy.SMTPUTF8)
    found.append(
        {
            "type": message.get_content_type(),
            "reportType": message.get_param("report-type"),
            "boundary": message.get_boundary(),
            "fields": fields_of(message),
            "defects": [type(each).__name__ for each in message.defects]
            + [type(each).__name__ for _, value in message.items() for each in getattr(value, "defects", [])],
            "parts": [part_of(each) for each in message.iter_parts()],
        }
    )
json.dump(found, sys.stdout)
