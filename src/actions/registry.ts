/** Which code carries out which kind of action. A row per kind; pure wiring. */
import { PermanentError } from '../errors.ts'
import type { Action } from './action.ts'
import { type StoreCollaborators, storeAction } from './store.ts'

export function actionRegistry(collaborators: StoreCollaborators): Action {
  const kinds: Readonly<Record<string, Action>> = {
    S3Action: storeAction(collaborators),
    // Nothing to do when its turn comes: the actions after it see its field (Delivery.added).
    AddHeaderAction: async () => {},
  }
  return async (delivery) => {
    const [kind = ''] = Object.keys(delivery.planned.action)
    const action = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (action === undefined) throw new PermanentError(`no action of the kind ${kind} is known`)
    await action(delivery)
  }
}
