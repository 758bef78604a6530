"""Reads Authentication-Results fields (a JSON array of texts) with Debian's authres and writes what it found."""
import json
import sys

import authres

found = []
for text in json.load(sys.stdin):
    header = authres.AuthenticationResultsHeader.parse(text)
    found.append(
        {
            "host": header.authserv_id,
            "results": [
                {
                    "method": each.method,
                    "result": each.result,
                    "reason": each.reason,
                    "properties": {p.type + "." + p.name: p.value for p in each.properties},
                }
                for each in header.results
            ],
        }
    )
json.dump(found, sys.stdout)
