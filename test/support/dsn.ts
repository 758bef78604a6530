/** A bounce message as Python's email package reads it: another implementation than the one that wrote it. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

type Fields = readonly (readonly [name: string, value: string])[]

export type ReadPart = {
  readonly type: string
  readonly encoding: string | null
  readonly fields: Fields
  readonly defects: readonly string[]
  /** Of message/delivery-status: the fields of the message, then of each recipient. */
  readonly groups?: readonly Fields[]
  /** Of any other: base64 of the content, decoded. */
  readonly octets?: string
}

export type ReadDsn = {
  readonly type: string
  readonly reportType: string
  readonly boundary: string
  readonly fields: Fields
  readonly defects: readonly string[]
  readonly parts: readonly ReadPart[]
}

export function readByPython(messages: readonly Uint8Array[]): readonly ReadDsn[] {
  const script = join(import.meta.dirname, 'read_dsn.py')
  const input = JSON.stringify(messages.map((each) => Buffer.from(each).toString('base64')))
  const output = execFileSync('/usr/bin/python3', [script], {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return JSON.parse(output) as readonly ReadDsn[]
}

export function octetsOf(part: ReadPart | undefined): Buffer {
  return Buffer.from(part?.octets ?? '', 'base64')
}
