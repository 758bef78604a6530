/** What somebody who can write to a store, and has no key, can make of a sealed object. */
export type Stored = {
  readonly body: Buffer
  readonly metadata: Readonly<Record<string, string>>
}

/** The changes to an object; `other` is another one of the same owner. */
type Damage = (stored: Stored, other: Stored) => Partial<Stored>

export const damages: Readonly<Record<string, Damage>> = {
  'the first octet changed': ({ body }) => ({ body: flipped(body, 0) }),
  'the last octet of the content changed': ({ body }) => ({ body: flipped(body, -17) }),
  'the tag changed': ({ body }) => ({ body: flipped(body, -1) }),
  'the last octet missing': ({ body }) => ({ body: body.subarray(0, -1) }),
  'an octet more': ({ body }) => ({ body: Buffer.concat([body, Buffer.of(0)]) }),
  'only its tag left': ({ body }) => ({ body: body.subarray(-16) }),
  'the IV of another object': (stored, other) => taken('x-amz-iv', stored, other),
  'the data key of another object': (stored, other) => taken('x-amz-key-v2', stored, other),
  'the content of another object': (_, { body }) => ({ body }),
}

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body)
  const place = at < 0 ? copy.length + at : at
  copy.writeUInt8(copy.readUInt8(place) ^ 1, place)
  return copy
}

function taken(name: string, { metadata }: Stored, other: Stored): Partial<Stored> {
  return { metadata: { ...metadata, [name]: other.metadata[name] ?? '' } }
}
