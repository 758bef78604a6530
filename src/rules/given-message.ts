/** A message that a person gives, as rules see it. Pure. */
import { capturedFrom } from '../mail/captured.ts'
import { headerFields } from '../mail/header-fields.ts'
import { mimeStructure } from '../mail/mime.ts'
import type { GivenMessage } from './forecast.ts'

/** `octets` as they would come: what two readers see differently is not known (pitfalls B12). */
export async function messageFrom(octets: Buffer): Promise<GivenMessage> {
  const message = capturedFrom(octets)
  const structure = await mimeStructure(message)
  const fields = headerFields(message.header)
  return {
    size: message.size,
    fields: () => fields,
    ...(structure?.ambiguous.length === 0 ? { attachments: structure.attachments } : {}),
  }
}
