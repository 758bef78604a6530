/**
 * Where sealed messages are kept: an object store in S3's shape. One conformance suite
 * (test/conformance/object-store.ts) holds every implementation to the words below.
 */

/** One line of a listing: no content, no metadata. */
export type ListedObject = { readonly key: string; readonly size: number; readonly time: Date }

export type ObjectInfo = ListedObject & {
  readonly contentType: string
  /** User metadata; keys in lower case, without `x-amz-meta-`. Not authenticated by anybody. */
  readonly metadata: Readonly<Record<string, string>>
  /** What `replace` wants: other content at the key has another. Absent where the store tells none. */
  readonly version?: string
}

export type OpenedObject = {
  readonly info: ObjectInfo
  /** The content, to be read once; it throws when it is cut off. Leaving its loop early releases it. */
  readonly body: AsyncIterable<Uint8Array>
  /** Releases a body that is not read: until then it holds a connection or a file. */
  readonly cancel: () => void
}

export interface ReadableStore {
  /** Every object whose key starts with `prefix` and sorts after `after`, by the keys' UTF-8 octets. */
  list(options?: { prefix?: string; after?: string }): AsyncIterable<ListedObject>
  /** `undefined` when there is no such object. */
  head(key: string): Promise<ObjectInfo | undefined>
  /** `undefined` when there is no such object. */
  get(key: string): Promise<OpenedObject | undefined>
}

export type PutOptions = {
  /** Octets that `body` yields; a body of another length is an error and stores nothing. */
  readonly length: number
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
}

export type Replacement = Pick<PutOptions, 'contentType' | 'metadata'> & {
  /** Absent when the content stays as it is. */
  readonly content?: { readonly body: AsyncIterable<Uint8Array>; readonly length: number }
}

export interface ObjectStore extends ReadableStore {
  /**
   * Stores an object whole or not at all: no reader ever sees part of it. A key that is taken is
   * left as it is and answered `existed`, and `body` need not be read then. Throws when the object
   * could not be stored; a `PermanentError` when the key cannot be a key (key.ts), or when
   * `metadata` has a `postern-id` and the object there has not the same. What `body` throws is
   * thrown on as it is. A large object put to one key by two at once may, on a server that ignores
   * If-None-Match when it joins parts (Ceph 16.2), be the one or the other, and both answers `stored`.
   */
  put(
    key: string,
    body: AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<'stored' | 'existed'>
  /**
   * Replaces the object of this version (`ObjectInfo.version`), content and metadata at once or metadata
   * alone: a reader sees the old one or the new one whole, whatever dies in between. Answers `changed`,
   * and has changed nothing, when the key has other content by now, or none. Throws as `put` does: what
   * `content.body` throws, or too little of it, leaves the old object. Time and version become new ones;
   * what S3 keeps besides (tags of replaced content, ACL, storage class) becomes the bucket's default.
   * A server that ignores If-Match (Ceph 16.2 when it joins the parts of a large object) is asked
   * just before: another writer in that moment loses, as does who deletes the key in it.
   */
  replace(key: string, by: Replacement, version: string): Promise<'replaced' | 'changed'>
  /** Removes an object; no error when it is not there. */
  delete(key: string): Promise<void>
  /** A URL that gives the object to whoever has it, for so long. Absent where the store has none. */
  url?(key: string, seconds: number): Promise<string>
}
