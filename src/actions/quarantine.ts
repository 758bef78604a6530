/**
 * QuarantineAction: the message, sealed, under a prefix of its own in the bucket of quarantined mail, by
 * rule: two rules may hold one message for different recipients. `postern quarantine` lists, releases and
 * deletes what is there.
 */
import { PermanentError } from '../errors.ts'
import type { S3Action } from '../rules/rule-set.ts'
import type { Action } from './action.ts'
import type { MessageWriter } from './store.ts'

export type QuarantinePlace = { readonly bucket: string; readonly prefix: string }

/** Where a rule's quarantined mail is. */
export function quarantined({ bucket, prefix }: QuarantinePlace, rule: string): S3Action {
  return { BucketName: bucket, ObjectKeyPrefix: `${prefix}${rule}/` }
}

/** `reasonKey` in an object's metadata: why it is held, in the rule's words. */
export const reasonKey = 'postern-quarantine'

export function quarantineAction(write: MessageWriter, place: QuarantinePlace): Action {
  return async (delivery) => {
    const { action, rule } = delivery.planned
    if (!('QuarantineAction' in action)) throw new PermanentError('this is not a QuarantineAction')
    const reason = action.QuarantineAction.Reason ?? rule
    await write(delivery, quarantined(place, rule), { [reasonKey]: reason })
  }
}
